"""Every renderer says the same as the table, whatever characters it holds."""

import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.render.data import as_json, comma_separated, parquet
from analysis.render.html import html_table
from analysis.render.latex import LONGEST_TEXT, ROWS_OF_A_PAGE, latex, latex_document, latex_escape, main_table
from analysis.render.markdown import markdown
from analysis.render.table import MOST_ROWS, Cell, Column, Table, make_table
from trainables.inert import inert

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
    for command in ("{[}", "{]}", *(rf"\ensuremath{{{sign}}}" for sign in "<>"), r"\textquotedbl{}"):
        escaped = escaped.replace(command, "")
    escaped = re.sub(r"\{\\text[a-z]+\}|\\[&%$#_{}]", "", escaped)
    assert set(escaped) <= set("ab |")


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_latex_is_ascii_on_one_line_whatever_the_text(text):
    escaped = latex_escape(text)
    assert escaped.isascii()
    assert escaped.isprintable()


def test_what_latex_has_no_command_for_is_named_by_its_code_point():
    assert latex_escape("\N{RIGHTWARDS ARROW OVER LEFTWARDS ARROW}") == r"\ensuremath{\rightleftarrows}"
    assert r"\texttt{U+4E2D}" in latex_escape("中")


def test_latex_has_one_row_per_row_and_one_cell_per_column():
    lines = latex(awkward_table()).splitlines()
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == 3
    assert all(line.replace(r"\&", "").count("&") == 3 and line.endswith(r" \\") for line in body)
    assert r" & \multicolumn{2}{c}{a \&" in next(line for line in lines if "multicolumn" in line)
    assert r"\textbf{.750} {\scriptsize {[}.700, .800{]}}" in body[0]
    assert "$-$.2500" in body[0]


def test_a_long_table_breaks_over_pages_and_a_very_long_one_is_cut_with_a_sentence():
    columns = [Column("n", "N", "count")]
    short, long, longer = (
        latex(make_table("t", "T", columns, [[n] for n in range(rows)]))
        for rows in (ROWS_OF_A_PAGE, ROWS_OF_A_PAGE + 1, MOST_ROWS + 1)
    )
    assert r"\begin{table}" in short
    assert r"\begin{longtable}" in long
    assert r"\endhead" in long
    assert "The first 1,000 of 1,001 rows" in longer
    assert rf"{MOST_ROWS - 1} \\" in longer
    assert rf"{MOST_ROWS} \\" not in longer


def test_a_text_that_no_page_could_hold_is_cut():
    text = latex(make_table("t", "T", [Column("a", "A")], [["x" * 5_000]]))
    assert "x" * LONGEST_TEXT + r"{\textellipsis}" in text
    assert "x" * (LONGEST_TEXT + 1) not in text


def test_the_table_of_a_paper_holds_the_results_in_less_room():
    columns = [Column("arm", "Arm"), Column("seeds", "Seeds", "count"), Column("map", "mAP", "score", group="atlas")]
    rows = [[Cell("a", remark="chosen"), 3, Cell(0.5, 0.4, 0.61, "best")], ["b", 3, Cell(0.5, 0.45, 0.7, "tied")]]
    text = main_table(make_table("results", "Results", columns, rows, ["A note."]))
    assert r"\caption{Results, 3 seeds}" in text
    assert r"\label{tab:main-table}" in text
    assert "Seeds" not in text
    assert rf"\textbf{{.500}} {{\scriptsize {latex_escape('±.110')}}}" in text
    # A lopsided interval is no half-width.
    assert r".500\textsuperscript{$\dagger$} {\scriptsize {[}.450, .700{]}}" in text
    assert r"a {\scriptsize chosen}" in text
    assert "A note." in text
    assert "the longer side of an interval" in text


def compiles(folder: Path, *tables: Table) -> str:
    """Runs pdflatex on the document of some tables and returns what it said."""
    for table in tables:
        (folder / f"{table.name}.tex").write_text(latex(table), encoding="utf-8")
    (folder / "all_tables.tex").write_text(latex_document(table.name for table in tables), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all_tables.tex"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, errors="replace")
    assert run.returncode == 0, run.stdout[-2000:]
    assert "Float too large" not in run.stdout
    return run.stdout


needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")


@pytest.mark.slow
@needs_latex
def test_latex_compiles_as_it_is(tmp_path):
    scripts = "⇆ Ж 中文 عربي 😀"
    awkward = awkward_table(f"{AWKWARD} α ± × → ≤ {scripts}")
    words = " ".join(["word"] * 2_000)
    columns = [Column("a", "A"), *(Column(f"c{n}", "C", "score", group=f"g{n // 3}") for n in range(30))]
    row = [Cell(0.5, 0.4, 0.6) for _ in range(30)]
    wide = make_table("wide", "Wide", columns, [["[a]", *row]] * 3)
    wide_and_long = make_table("wide_and_long", "Wide and long", columns, [["[a]", *row]] * 200)
    prose = make_table("prose", "Prose", [Column("a", "A"), Column("b", "B")], [[words, "x" * 2_000]] * 45, [words])
    compiles(tmp_path, awkward, wide, wide_and_long, prose)


@pytest.mark.slow
@needs_latex
def test_every_character_that_becomes_a_command_compiles(tmp_path):
    characters = [chr(code) for code in range(0x20, 0x2300) if chr(code).isprintable()]
    commands = [one for one in characters if "texttt" not in latex_escape(one)]
    assert len(commands) > 500
    compiles(tmp_path, make_table("t", "T", [Column("a", "A")], [[f"{one} x {one}"] for one in commands]))


@pytest.mark.slow
@needs_latex
def test_the_tables_of_a_whole_report_compile(tmp_path, finished_study):
    from analysis.contents import build_report

    report = build_report([str(finished_study)])
    assert any(len(table.rows) > ROWS_OF_A_PAGE for table in report.tables)
    compiles(tmp_path, *report.tables)


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
    # What spreadsheets would carry out is shown as text, what steers terminals by its code.
    assert rows[0]["arm"] == ("'" if text.startswith(("=", "+", "-", "@", "\t")) else "") + inert(text)


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
