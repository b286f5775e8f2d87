"""CSV and TSV: no two rows are ever read as one, and no character is lost."""

import csv
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.training_files.records import LONGEST_TEXT
from trainables.corpora.training_files.tables import table_records

HEAD = "pair_id\tlanguage\tquery\tpassage\n"


def cells(path: Path) -> list[list[str | None]]:
    return [list(record.fields.values()) for record in table_records(path, "," if path.suffix == ".csv" else "\t")]


plain = st.text(st.sampled_from("ab \"'é,\u200b"), min_size=1, max_size=6)
quotable = st.text(st.sampled_from('ab "\n\t\r,'), min_size=1, max_size=6)


@given(rows=st.lists(st.tuples(plain, plain, plain), min_size=1, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_without_quoting_keeps_every_quote(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    # One cell that no quoting writer writes: its file is without quoting, whatever else is in it.
    rows = [*rows, ('"a" b', "c", "d")]
    lines = ["x\ty\tz", *("\t".join(row) for row in rows)]
    (tmp_path / "a.tsv").write_text("".join(line + "\n" for line in lines), "utf-8")
    assert cells(tmp_path / "a.tsv") == [list(row) for row in rows]


@given(rows=st.lists(st.tuples(quotable, quotable, quotable), min_size=1, max_size=6), every=st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_quoted_file_is_read_as_written(tmp_path: Path, rows: list[tuple[str, ...]], every: bool) -> None:
    # Such a cell is what two stray quotes make of several rows, and is refused.
    assume(not any("\n" in cell and cell.count("\t") >= 2 for row in rows for cell in row))
    with (tmp_path / "a.tsv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter="\t", quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL)
        writer.writerows([("x", "y", "z"), *rows])
    assert cells(tmp_path / "a.tsv") == [list(row) for row in rows]


def test_a_quoted_cell_that_looks_like_several_rows_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.tsv": 'anchor\tpositive\n"a\n\tb"\tc\n"d ""e"""\tf\n'})
    refused(tmp_path, "a.tsv:2", "over several rows", language="en")


@pytest.mark.parametrize("separator", [",", "\t"])
def test_pandas_writes_what_is_read(tmp_path: Path, separator: str) -> None:
    texts = ['He said "no".', "two\nlines", 'a "b', "tab\tcomma,", " x "]
    frame = pd.DataFrame({"anchor": texts, "positive": [text + "!" for text in texts]})
    path = tmp_path / ("a.csv" if separator == "," else "a.tsv")
    frame.to_csv(path, sep=separator, index=False)
    found = only(read(tmp_path, language="en")).items
    assert [item.query["en"] for item in found] == texts


def test_quotes_that_open_and_close_rows_apart_merge_nothing(tmp_path: Path) -> None:
    generator = random.Random(0)
    rows = [f"{n}\ten\tq{n}\tp{n}" for n in range(200)]
    for n in generator.sample(range(200), 40):
        rows[n] = f'{n}\ten\t"q{n}\tp{n}"' if n % 2 else f'{n}\ten\tq{n}\t"p{n}'
    (tmp_path / "a.tsv").write_text(HEAD + "\n".join(rows) + "\n")
    assert len(cells(tmp_path / "a.tsv")) == 200
    # A stray tab makes it unclear whether the file is quoted: then nothing may be merged in silence.
    (tmp_path / "a.tsv").write_text(HEAD + "\n".join(rows) + "\n201\ten\tq\tp\tmore\n")
    refused(tmp_path, "a.tsv:")


def test_a_cell_may_be_longer_than_the_csv_module_allows_by_default(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": f"pair_id,language,query,passage\n1,en,q,{'word ' * 40_000}\n"})
    assert len(only(read(tmp_path)).items[0].passage["en"]) == 200_000
    for name, separator in (("a.csv", ","), ("a.tsv", "\t")):
        (tmp_path / "long").mkdir(exist_ok=True)
        head = separator.join(("pair_id", "language", "query", "passage"))
        (tmp_path / name).write_text(f"{head}\n{separator.join(('1', 'en', 'q', 'p' * (LONGEST_TEXT + 2)))}\n")
        refused(tmp_path, f"{name}:2", "more than 1,000,000 characters", names=name)


def test_a_row_of_another_length_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a.tsv": f'{HEAD}1\ten\tq\tp\n2\ten\tq "x\n'})
    refused(tmp_path, "a.tsv:3 has 3 cells and the header 4")


@pytest.mark.parametrize(("name", "separator", "expected"), [("a.csv", ";", "commas"), ("a.tsv", ",", "tabs")])
def test_another_separator_is_told(tmp_path: Path, name: str, separator: str, expected: str) -> None:
    rows = [["pair_id", "language", "query", "passage"], ["1", "en", "Who?", "A duke."]]
    write(tmp_path, {name: "".join(separator.join(row) + "\n" for row in rows)})
    refused(tmp_path, f"{name}:1 has one column, for its cells are not separated by {expected}")
