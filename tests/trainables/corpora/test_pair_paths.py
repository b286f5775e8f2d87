from pathlib import Path

from trainables.corpora.pair_paths import (
    TRAINING_FILE_SUFFIXES,
    find_training_files,
    training_file_stem,
    training_file_suffix,
)


def test_the_suffix_of_a_pair_file_is_the_longest_that_fits() -> None:
    assert training_file_suffix(Path("x/a.b.jsonl.gz")) == ".jsonl.gz"
    assert training_file_suffix(Path("README.md")) is None
    assert training_file_suffix(Path(".csv")) is None
    assert all(training_file_suffix(Path(f"a{suffix}")) == suffix for suffix in TRAINING_FILE_SUFFIXES)


def test_the_stem_is_what_the_suffix_leaves() -> None:
    assert [training_file_stem(Path(name)) for name in ("x/a.b.jsonl.gz", "a.csv", "README.md")] == [
        "a.b",
        "a",
        "README.md",
    ]


def test_nothing_of_a_name_is_no_file_and_no_error(tmp_path: Path) -> None:
    assert find_training_files(tmp_path / "nothing") == []


def test_a_file_named_in_full_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    for name in ("set.txt", "set.jsonl"):
        (tmp_path / name).touch()
        assert find_training_files(tmp_path / name) == [tmp_path / name]


def test_a_folder_goes_before_a_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("set.csv", "set/b.jsonl", "set/a.tsv", "set/.c.jsonl", "set/notes.md"):
        (tmp_path / name).touch()
    assert find_training_files(tmp_path / "set") == [tmp_path / "set/a.tsv", tmp_path / "set/b.jsonl"]


def test_a_folder_without_training_files_has_none(tmp_path: Path) -> None:
    (tmp_path / "notes.md").touch()
    assert find_training_files(tmp_path) == []
