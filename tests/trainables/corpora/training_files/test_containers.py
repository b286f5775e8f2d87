"""What records are kept in: packed, in an array, saved by `datasets`."""

import bz2
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict

from tests.trainables.corpora.training_files.reading import only, read, refused, write

ROWS = [
    {"pair_id": n, "language": lang, "query": f"q{n}", "passage": f"p{n}"} for n in range(3) for lang in ("de", "en")
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def packed(name: str, content: bytes) -> bytes:
    suffix = name.rpartition(".")[2]
    if suffix == "zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(content)
        return sink.getvalue().to_pybytes()
    return {"gz": gzip.compress, "bz2": bz2.compress}.get(suffix, bytes)(content)


NAMES = ("a.jsonl", "a.jsonl.gz", "a.jsonl.bz2", "a.jsonl.zst", "a.json", "a.json.gz")


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_read_however_they_are_packed(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: packed(name, LINES)})
    assert [item.query for item in only(read(tmp_path)).items] == [{"de": f"q{n}", "en": f"q{n}"} for n in range(3)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["a.json", "a.json.zst"])
def test_an_array_is_read(tmp_path: Path, name: str, indent: int | None) -> None:
    write(tmp_path, {name: packed(name, json.dumps(ROWS, indent=indent).encode())})
    assert len(only(read(tmp_path)).items) == 3


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.bz2", "a.jsonl.zst"])
@pytest.mark.parametrize("damage", ["cut", "plain", "bomb"])
def test_a_damaged_file_is_told(tmp_path: Path, name: str, damage: str) -> None:
    content = {
        "cut": packed(name, LINES * 50)[:-12],
        "plain": LINES,
        "bomb": packed(name, b"0" * (64 << 20)),
    }[damage]
    write(tmp_path, {name: content})
    refused(tmp_path, name, {"cut": "broken", "plain": "file", "bomb": "unpacks to more"}[damage])


MISTAKES = {
    "element": (json.dumps([ROWS[0], "x"]), ["a.json, element 2", "no object (a str)"]),
    "number": ("5", ["a.json", "neither an object nor an array"]),
    "cut": (json.dumps(ROWS, indent=1)[:-9], ["a.json is not JSON", "line"]),
    "empty": ("[]", ["a.json holds no records"]),
    "line": (LINES.decode() + "{", ["a.json:7 is not JSON"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_json_file_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    content, parts = MISTAKES[case]
    write(tmp_path, {"a.json": content})
    refused(tmp_path, *parts)


def test_a_saved_data_set_is_read_whole_whatever_its_shards(tmp_path: Path) -> None:
    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "set"), num_shards=2)
    found = read(tmp_path, "set")["set"]
    assert len(found.items) == 3
    assert found.seen.columns == ("pair_id", "language", "query", "passage")


def test_of_saved_splits_the_training_split_is_taken_or_asked_for(tmp_path: Path) -> None:
    data = Dataset.from_list(ROWS)
    DatasetDict({"train": data, "test": data.select(range(2))}).save_to_disk(str(tmp_path / "both"))
    assert len(read(tmp_path, "both")["train"].items) == 3
    DatasetDict({"dev": data, "test": data}).save_to_disk(str(tmp_path / "none"))
    refused(tmp_path, "splits dev, test", "none/dev", names="none")
    assert len(read(tmp_path, "none/dev")["dev"].items) == 3


def test_a_damaged_saved_data_set_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    Dataset.from_list(ROWS).save_to_disk(str(folder))
    (file,) = folder.glob("*.arrow")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    refused(tmp_path, "cannot be read as Arrow", names="set")
    file.unlink()
    refused(tmp_path, "lacks its file", file.name, names="set")
    state = json.loads((folder / "state.json").read_text())
    state["_data_files"][0]["filename"] = "../../secret.arrow"
    (folder / "state.json").write_text(json.dumps(state))
    refused(tmp_path, "'../../secret.arrow'", names="set")
