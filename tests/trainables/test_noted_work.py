"""A note says what a trial works on while that takes long, and the trial never depends on it."""

from pathlib import Path

import pytest

from trainables.noted_work import NotedWork, note
from trainables.storage import Folder


def test_what_is_soon_over_is_not_noted(tmp_path: Path) -> None:
    for _ in NotedWork(Folder(tmp_path))(range(100), "ranking"):
        assert not list(tmp_path.iterdir())


def test_a_note_is_no_record_and_ends_with_the_work(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    passed = iter(NotedWork(folder, seconds=0)(range(3), "ranking"))
    assert [next(passed), next(passed)] == [0, 1]
    assert note(folder).startswith("ranking 1, ")
    assert folder.file_names() == []
    assert list(passed) == [2]
    assert (note(folder), list(tmp_path.iterdir())) == ("", [])


def test_what_a_killed_trial_has_noted_is_gone_when_it_goes_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    killed = iter(NotedWork(folder, seconds=0)(range(3), "encoding"))
    assert [next(killed), next(killed)] == [0, 1]
    NotedWork(folder)
    assert note(folder) == ""


def test_work_goes_on_where_no_note_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "no space left on device")

    watch = NotedWork(Folder(tmp_path), seconds=0)
    monkeypatch.setattr(Folder, "write_bytes", full)
    assert list(watch(range(3), "encoding")) == [0, 1, 2]
