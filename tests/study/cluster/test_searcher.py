"""The searcher spends the study's budget on what trials really cost, and never takes a full disk for a failed trial."""

import errno
import os
import pickle
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest
from ray.train import WorkerGroupError

from search_spaces.registry import space
from study.cluster.searcher import FINISHED, PlanSearcher
from study.cluster.trainable import DISK_FULL, _record_failure, full_disk
from study.plan.budget import Budget
from study.plan.program import StudyPlan
from study.settings import StudySettings
from study.study_folder import create_study, open_study
from tests.study.toy_study import study_record
from trainables.claim import TakenOverError, take
from trainables.records import RESULT, Cost, Outcome, Result, TrialRecord
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.trial import CHECKPOINT

STEPS, BATCH = 40, 8
PAIRS = STEPS * BATCH

SETTINGS = StudySettings(set={"steps": STEPS, "batches.size": BATCH})


def result_of(status: str = "complete", **cost: int) -> Result:
    metrics = {"dev/overall/map": 0.5}
    return Result(status=status, steps=STEPS, metrics=metrics, cost=Cost(**cost), ended="", host="")


Run = Callable[..., int]


@pytest.fixture
def trials_within(tmp_path: Path) -> Run:
    """How many trials are started, so many at a time, if each costs so many pairs and signal pairs."""

    def count(budget: int, pairs: int, signal_pairs: int = 0, status: str = "complete", at_a_time: int = 1) -> int:
        study = create_study(Folder(tmp_path / f"{budget}-{pairs}-{signal_pairs}-{status}-{at_a_time}"), study_record())
        plan = StudyPlan(space("dynamic_vs_static"), SETTINGS)
        searcher = PlanSearcher(plan, study, Budget(pairs=budget), lambda spec, outcome: None)
        running: deque[tuple[str, str]] = deque()
        started = 0
        while True:
            config = searcher.suggest(str(started)) if len(running) < at_a_time else None
            if isinstance(config, dict):
                running.append((str(started), config["folder"]))
                started += 1
            elif running:
                trial, folder = running.popleft()
                write_sealed(Folder(folder), RESULT, result_of(status, pairs=pairs, signal_pairs=signal_pairs))
                searcher.on_trial_complete(trial)
            elif config == FINISHED:
                assert searcher.budget_reached == "pair budget"
                return started

    return count


@pytest.mark.parametrize("at_a_time", [1, 2, 8])
def test_a_pair_budget_is_spent_to_the_end(trials_within: Run, at_a_time: int) -> None:
    assert trials_within(10 * PAIRS, PAIRS, at_a_time=at_a_time) == 10
    assert trials_within(10 * PAIRS - 1, PAIRS, at_a_time=at_a_time) == 9


@pytest.mark.parametrize("at_a_time", [1, 2, 8])
def test_what_a_stopped_trial_saved_is_spent_on_others(trials_within: Run, at_a_time: int) -> None:
    assert trials_within(10 * PAIRS, PAIRS // 2, status="pruned", at_a_time=at_a_time) == 19


def test_a_study_that_is_taken_up_spends_no_more_than_its_budget(tmp_path: Path) -> None:
    """A trial that was slow leads to others of its branch once it has ended, before the plan comes to all that have."""
    folder = Folder(tmp_path / "study")
    study = create_study(folder, study_record())
    for budget, slow in ((30, True), (30, False), (36, False)):
        plan = StudyPlan(space("dynamic_vs_static"), SETTINGS)
        searcher = PlanSearcher(plan, study, Budget(trials=budget), lambda spec, outcome: None)
        while isinstance(config := searcher.suggest(str(len(searcher._running))), dict):
            if slow and not searcher._running.keys() - {"0"}:
                continue
            write_sealed(Folder(config["folder"]), RESULT, result_of(pairs=PAIRS))
            searcher.on_trial_complete(max(searcher._running))
        study = open_study(folder.location)
        ended = sum(trial.result is not None for trial in study.trials)
        assert (len(study.trials), ended) == (budget, budget - slow)


def test_pairs_that_are_only_encoded_count_a_third(trials_within: Run) -> None:
    assert trials_within(10 * PAIRS, PAIRS // 2, signal_pairs=3 * PAIRS // 2) == 10
    assert trials_within(10 * PAIRS, PAIRS // 2, signal_pairs=3 * PAIRS // 4) == 13


def test_a_failed_trial_counts_as_planned(trials_within: Run) -> None:
    assert trials_within(10 * PAIRS, 0, status="failed") == 10


def test_a_trial_without_room_waits_for_its_turn_and_no_other_goes_before_it(tmp_path: Path) -> None:
    study = create_study(Folder(tmp_path / "study"), study_record())
    room = {"trials": 1}

    def searcher_of(plan: StudyPlan, fit: Callable[[Sequence[Mapping[str, str]]], bool]) -> PlanSearcher:
        return PlanSearcher(plan, study, Budget(), lambda spec, outcome: None, fit=fit)

    plan = StudyPlan(space("dynamic_vs_static"), SETTINGS)
    searcher = searcher_of(plan, lambda cells: len(cells) <= room["trials"])
    first = searcher.suggest("0")
    assert isinstance(first, dict)
    assert searcher.suggest("1") is None
    assert searcher.suggest("1") is None
    room["trials"] = 2
    second = searcher.suggest("1")
    usual = StudyPlan(space("dynamic_vs_static"), SETTINGS)
    expected = [usual.next_trial(), usual.next_trial()]
    assert [TrialRecord.model_validate_json(one["trial"]) for one in (first, second)] == expected
    # Whoever runs alone has room: nothing would ever end otherwise.
    assert isinstance(
        searcher_of(StudyPlan(space("dynamic_vs_static"), SETTINGS), lambda cells: False).suggest("0"), dict
    )


Ended = list[tuple[str, str]]


def _searcher(folder: Folder) -> tuple[PlanSearcher, Ended]:
    """A searcher of a new or a taken up study, and the trials that it takes for ended, with their status."""
    study = open_study(folder.location) if folder.exists() else create_study(folder, study_record())
    plan = StudyPlan(space("dynamic_vs_static"), SETTINGS)
    ended: Ended = []

    def note(trial: TrialRecord, outcome: Outcome) -> None:
        ended.append((trial.id, outcome.status))

    return PlanSearcher(plan, study, Budget(), note), ended


def test_a_full_disk_ends_the_study_and_its_trial_runs_again(tmp_path: Path) -> None:
    searcher, ended = _searcher(Folder(tmp_path / "study"))
    config = searcher.suggest("0")
    assert isinstance(config, dict)
    told = {"step": 0, "status": DISK_FULL, "errno": errno.ENOSPC, "where": "/somewhere/checkpoint"}
    searcher.on_trial_complete("0", told)
    with pytest.raises(OSError, match="No space left on device: '/somewhere/checkpoint'"):
        searcher.suggest("1")
    assert isinstance(searcher.broken, OSError)
    assert ended == []
    assert Folder(config["folder"]).names() == ["trial.json"]
    again, _ = _searcher(Folder(tmp_path / "study"))
    assert again.suggest("0") == config


def test_storage_that_does_not_answer_is_no_failed_trial(tmp_path: Path) -> None:
    gone = OSError("AWS Error NETWORK_CONNECTION during PutObject operation: curlCode: 7, Couldn't connect to server")
    remote, local = Folder("fsspec+memory://bucket/study"), Folder(tmp_path)
    assert full_disk(gone, remote) is gone
    assert full_disk(gone, local) is None
    for folder in (remote, local):
        assert full_disk(PermissionError("ACCESS_DENIED"), folder) is None
        assert full_disk(OSError(errno.ENOSPC, "full"), folder) is not None
    stale = OSError(errno.ESTALE, "Stale file handle")
    assert full_disk(stale, local) is stale


def failed(error: Exception) -> "Future[None]":
    """A training that raised, as a worker of several tells it."""
    found: Future[None] = Future()
    found.set_exception(pickle.loads(pickle.dumps(error)))  # noqa: S301 (as Ray does)
    return found


@pytest.mark.parametrize(
    "code", [errno.EACCES, errno.ENOTCONN, errno.EREMOTEIO, errno.EUCLEAN, errno.EBADMSG, errno.EHOSTDOWN]
)
def test_a_file_of_the_trial_that_cannot_be_read_is_no_failed_trial(code: int, tmp_path: Path) -> None:
    claim = take(Folder(tmp_path / "trial"))
    inside = OSError(code, os.strerror(code), str(tmp_path / "trial" / CHECKPOINT / "000000006" / "state.json"))
    of_several = WorkerGroupError("", {0: inside, 1: RuntimeError("Connection closed by peer")})
    for error in (inside, of_several):
        with pytest.raises(OSError, match=re.escape(str(inside))):
            _record_failure(failed(error), claim)
        assert claim.folder.names() == [".claim"]
    # What is not the study's, such as a file that a plugin reads, is of the training.
    _record_failure(failed(OSError(code, os.strerror(code), str(tmp_path / "other"))), claim)
    assert read_sealed(claim.folder, RESULT, Result).status == "failed"


def test_a_process_that_died_on_a_disk_with_room_is_a_failed_trial(tmp_path: Path) -> None:
    searcher, ended = _searcher(Folder(tmp_path / "study"))
    config = searcher.suggest("0")
    assert isinstance(config, dict)
    alive = take(Folder(config["folder"]))
    left = Path(config["folder"]) / CHECKPOINT
    left.mkdir()
    searcher.on_trial_complete("0", None, error=True)
    assert [status for _, status in ended] == ["failed"]
    assert "died more often" in str(read_sealed(Folder(config["folder"]), RESULT, Result).error)
    assert not left.exists()
    with pytest.raises(TakenOverError):
        alive.check()


def test_what_killed_processes_left_is_cleared_away_when_a_study_is_taken_up(tmp_path: Path) -> None:
    study = Folder(tmp_path / "study")
    searcher, _ = _searcher(study)
    config = searcher.suggest("0")
    assert isinstance(config, dict)
    folder = Folder(config["folder"])
    write_sealed(folder, RESULT, result_of())
    (folder / CHECKPOINT).write_bytes("model.safetensors", b"half of it")
    (folder / f".{CHECKPOINT}.{'0' * 32}").write_bytes("model.safetensors", b"another half")
    study.write_bytes(f".status.json.{'0' * 32}", b"{")
    again, ended = _searcher(study)
    again.suggest("0")
    assert ended == [(folder.name, "complete")]
    assert folder.names() == ["result.json", "trial.json"]
    assert study.names() == ["study.json", "trials"]
