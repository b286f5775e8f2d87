"""A trial's log tells what happened to it, is no part of its numbers, and never stops it."""

import logging
import os
import warnings
from pathlib import Path

import pytest

from tests.trainables.toy_trial import run_toy_trial, toy_trial
from trainables.errors import UserError
from trainables.ratio.controls.replay import Replay
from trainables.records import LOG, LogLine
from trainables.storage import Folder
from trainables.trial_log import is_log, log_name, logged


def lines(folder: Path, worker: int = 0) -> list[LogLine]:
    return [LogLine.model_validate_json(line) for line in (folder / log_name(worker)).read_text().splitlines()]


def test_a_trial_says_that_it_starts_and_how_it_ends_and_its_log_is_not_sealed(tmp_path: Path) -> None:
    result = run_toy_trial(toy_trial(), tmp_path)
    first, last = lines(tmp_path)
    assert first.message == "t starts as worker 0 of 1 on cpu"
    assert last.message == "training is complete after 8 of 8 steps"
    assert (first.process, first.worker, first.level) == (os.getpid(), 0, "info")
    assert result.files
    assert not [name for name in result.files if is_log(name)]


def test_the_traceback_of_a_failure_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        run_toy_trial(toy_trial(Replay(ratios=(0.5, 0.5))), tmp_path)
    last = lines(tmp_path)[-1]
    assert (last.level, last.message) == ("error", "the trial failed")
    assert "A replay of 2 ratios cannot drive 8 steps" in str(last.traceback)
    assert "run_trial" in str(last.traceback)


def test_warnings_are_kept_and_only_those_of_others(tmp_path: Path) -> None:
    with logged(Folder(tmp_path), 1):
        warnings.warn("look at that", stacklevel=1)
        logging.getLogger("somebody").info("nobody asked")
        logging.getLogger("somebody").warning("a storm of %d", 3)
    logging.getLogger("somebody").warning("afterwards")
    assert [(line.level, line.worker) for line in lines(tmp_path, 1)] == [("warning", 1)] * 2
    assert "UserWarning: look at that" in lines(tmp_path, 1)[0].message
    assert lines(tmp_path, 1)[1].message == "a storm of 3"


def test_what_a_library_says_wrongly_ends_nothing(tmp_path: Path) -> None:
    wrong = logging.makeLogRecord({"name": "x", "levelno": logging.ERROR, "msg": "%d", "args": ("one",)})
    with logged(Folder(tmp_path), 0):
        # Through this handler alone: pytest's own would complain.
        logging.getLogger().handlers[-1].handle(wrong)
        logging.getLogger("somebody").warning("here")
    assert [line.message for line in lines(tmp_path)] == ["here"]


def test_a_second_start_adds_to_the_log_and_mends_a_line_that_was_cut_off(tmp_path: Path) -> None:
    for _ in range(2):
        with logged(Folder(tmp_path), 0):
            logging.getLogger("trainables.x").info("here")
        (tmp_path / LOG).open("a").write('{"time": ')
    with logged(Folder(tmp_path), 0):
        pass
    assert [line.message for line in lines(tmp_path)] == ["here", "here"]


def test_a_log_that_cannot_be_written_is_lost(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with logged(Folder(tmp_path), 0):
        logging.getLogger("trainables.x").warning("nobody hears")
    assert list((tmp_path / LOG).iterdir()) == []
