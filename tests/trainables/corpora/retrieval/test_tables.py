from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainables.corpora.retrieval.toy_files import CORPUS, write, write_text
from trainables.corpora.retrieval.tables import SUFFIXES, cells, rows
from trainables.errors import UserError

COLUMNS = ("_id", "title", "text")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"corpus{suffix}", CORPUS)
    found = list(rows(path, COLUMNS))
    assert [row.fields for row in found] == list(CORPUS)
    assert found[1].where == (f"{path}, row 2" if suffix == ".parquet" else f"{path}:{3 if '.tsv' in suffix else 2}")


def test_quotes_of_a_tsv_file_are_characters_like_others(tmp_path: Path) -> None:
    path = write_text(tmp_path / "corpus.tsv", 'a\t"Who" asked\r\n\nb\tsaid "yes\n')
    assert [found for _, found in cells(path)] == [["a", '"Who" asked'], ["b", 'said "yes']]


def test_large_columns_that_nobody_asked_for_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "corpus.parquet", [{**row, "image": b"0" * 100} for row in CORPUS])
    assert list(next(iter(rows(path, COLUMNS))).fields) == ["_id", "title", "text"]


def test_ids_may_be_whole_numbers_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [{"_id": 7}])
    assert next(iter(rows(path, COLUMNS))).id("id", "_id") == "7"
    for bad in (True, 7.5, None, ""):
        path = write(tmp_path / "a.jsonl", [{"_id": bad}])
        with pytest.raises(UserError, match=r"a\.jsonl:1: the id is"):
            next(iter(rows(path, COLUMNS))).id("_id")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', r"a\.jsonl:2 is not JSON"),
        ("a.jsonl", "[1]\n", r"a\.jsonl:1 is JSON but no object \(a list\)"),
        ("a.tsv", "_id\ttext\n1\t2\t3\n", r"a\.tsv:2 has 3 cells and the header 2 \(_id, text\)"),
        (
            "a.tsv",
            "_id text\n1 2\n",
            r"a\.tsv:1: the first line must name the columns, separated by tabs, .* '_id text'",
        ),
        ("a.tsv", "1\t2\n", r"a\.tsv:1: the first line must name the columns, .* it is '1 TAB 2'"),
        ("a.parquet", "no table", r"a\.parquet cannot be read as Parquet after row 0"),
        ("a.txt", "a", r"a\.txt has no known suffix"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = write_text(tmp_path / name, text)
    with pytest.raises(UserError, match=sentence):
        list(rows(path, COLUMNS))


def test_a_missing_and_a_cut_file_are_told(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.jsonl"):
        with pytest.raises(UserError, match="There is no file"):
            list(rows(tmp_path / name, COLUMNS))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 1000] * 100}), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        list(rows(path, COLUMNS))
