"""Every renderer says the same as the table, whatever characters it holds."""

import csv
import io
import json
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.render.renderers import (
    as_json,
    comma_separated,
    html_table,
    latex,
    latex_document,
    latex_escape,
    markdown,
    parquet,
)
from analysis.render.table import Cell, Column, Table, make_table

AWKWARD = 'a & b_50 % #1 {x} ~ ^ \\ $ <script>alert("1")</script> | `code` * [l]'


def awkward_table(text: str = AWKWARD) -> Table:
    columns = [
        Column("arm", "Arm"),
        Column("seeds", "Seeds", "count", group=text),
        Column("map", f"mAP {text}", "score", group=text),
        Column("difference", "Difference", "difference"),
    ]
    rows = [
        [text, 3, Cell(0.75, 0.7, 0.8, "best"), -0.25],
        ["plain", 10, Cell(0.5, None, None, "tied"), Cell(0.125, remark="not separable")],
        ["empty", None, None, None],
    ]
    return make_table("awkward", f"Title {text}", columns, rows, [f"Note {text}"])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_html_shows_any_text_and_never_runs_it(text):
    reader = _Reader()
    reader.feed(html_table(awkward_table(text)))
    reader.close()
    assert reader.open == []
    assert "script" not in reader.tags
    assert text in reader.texts


def test_html_marks_the_best_and_those_not_separable():
    text = html_table(awkward_table())
    assert text.count("<strong>") == 1
    assert '<strong><span class="value">.750</span></strong>' in text
    assert '<abbr title="not separable from the best">' in text


@given(st.text(alphabet='&%$#_{}~^\\<>|"[]ab ', max_size=30))
def test_latex_escapes_leave_no_active_character(text):
    escaped = latex_escape(text)
    words = ("backslash", "asciitilde", "asciicircum", "less", "greater", "bar", "quotedbl")
    for command in [*(rf"\text{word}{{}}" for word in words), *(rf"\{c}" for c in "&%$#_{}"), "{[}", "{]}"]:
        escaped = escaped.replace(command, "")
    assert set(escaped) <= set("ab ")


def test_latex_has_one_row_per_row_and_one_cell_per_column():
    lines = latex(awkward_table()).splitlines()
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == 3
    assert all(line.replace(r"\&", "").count("&") == 3 and line.endswith(r" \\") for line in body)
    assert r"\textbf{.750} {\scriptsize {[}.700, .800{]}}" in body[0]
    assert "$-$.2500" in body[0]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_compiles_as_it_is(tmp_path):
    table = awkward_table(AWKWARD + " α ± × → ≤")
    (tmp_path / "awkward.tex").write_text(latex(table), encoding="utf-8")
    (tmp_path / "all_tables.tex").write_text(latex_document([table]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all_tables.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_csv_opens_in_pandas_with_the_right_types():
    frame = pd.read_csv(io.StringIO(comma_separated(awkward_table())))
    assert frame["arm"].tolist() == [AWKWARD, "plain", "empty"]
    assert frame["map"].dtype.kind == "f"
    assert frame["map"].tolist()[:2] == [0.75, 0.5]
    assert frame["seeds"].tolist()[:2] == [3, 10]
    assert pd.isna(frame["map_low"][1])
    assert frame["difference"].tolist()[:2] == [-0.25, 0.125]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20))
def test_csv_gives_any_text_back(text):
    rows = list(csv.DictReader(io.StringIO(comma_separated(awkward_table(text)), newline="")))
    assert rows[0]["arm"] == text


def test_parquet_holds_the_same_records_with_types():
    table = awkward_table()
    read = pq.read_table(io.BytesIO(parquet(table)))
    assert {name: str(read.schema.field(name).type) for name in ("arm", "seeds", "map", "map_low", "map_mark")} == {
        "arm": "string",
        "seeds": "int64",
        "map": "double",
        "map_low": "double",
        "map_mark": "string",
    }
    assert read["map"].to_pylist() == [0.75, 0.5, None]
    assert read.schema.metadata[b"title"].decode() == table.title


def test_json_writes_what_is_not_a_number_as_null():
    table = make_table("t", "T", [Column("x", "X", "number")], [[float("nan")], [float("inf")], [2.5]])
    assert [row["x"] for row in json.loads(as_json(table))["rows"]] == [None, None, 2.5]


def test_markdown_has_as_many_cells_in_every_line():
    lines = [line for line in markdown(awkward_table()).splitlines() if line.startswith("|")]
    counts = {line.replace(r"\|", "").count("|") for line in lines}
    assert counts == {5}
    assert "**.750** [.700, .800]" in lines[2]
    assert "<script>" not in markdown(awkward_table())


def test_an_empty_table_says_so():
    assert "Nothing to show yet." in markdown(make_table("t", "T", [Column("a", "A")], []))
