"""Where a study stands is read from its records: while it runs, when it has stopped, and of folders that are none."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from study.records import BranchRecord, ObjectiveRecord, PhaseCounts, StatusRecord
from study.status import main
from study.status_view import view
from study.study_folder import Study, create_study, open_study
from tests.study.toy_study import study_record
from tests.trainables.toy_trial import toy_trial
from trainables.records import LOG, RESULT, Cost, Report, Result, TrialRecord, now
from trainables.sealed import write_sealed
from trainables.storage import Folder
from trainables.training.report_log import ReportLog

OBJECTIVE = "multilingual/map"
BRANCHES = ("linear", "cosine", "step")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two trials of a branch have ended, one of another has failed, one runs, the fourth branch has not begun."""
    branches = tuple(BranchRecord(branch=name, role="dynamic", trials=2, pairs=1) for name in (*BRANCHES, "sigmoid"))
    found = create_study(Folder(tmp_path / "s"), study_record(branches=branches))
    for number, value in enumerate((0.25, 0.75)):
        end(found, trial("linear", number), value)
    failed = end(found, trial("cosine", 0), None, error="RuntimeError: out of memory\x1b[31m")
    (failed.local_path / LOG).write_text("{}\n")
    running = found.write_trial(trial("step", 0))
    for report in (report_at(2, None), report_at(4, 0.125), report_at(6, None)):
        ReportLog(running).report(report)
    say(found, "running")
    return found


def trial(branch: str, number: int) -> TrialRecord:
    return toy_trial().model_copy(update={"id": f"search-{branch}-{number:03d}", "branch": branch, "number": number})


def end(study: Study, record: TrialRecord, value: float | None, error: str | None = None) -> Folder:
    folder = study.write_trial(record)
    metrics = {} if value is None else {f"dev/{OBJECTIVE}": value}
    status = "complete" if error is None else "failed"
    cost = Cost(total_seconds=60.0)
    write_sealed(
        folder, RESULT, Result(status=status, steps=8, metrics=metrics, ended=now(), host="h", error=error, cost=cost)
    )
    return folder


def report_at(step: int, value: float | None) -> Report:
    dev = None if value is None else {OBJECTIVE: value}
    speeds = {"learning_rate": 0.1, "pairs_per_second": 321.0, "tokens_per_second": 1.0, "seconds": 1.0}
    losses = {"loss": 1.5, "loss_mono": None, "loss_cross": 1.5}
    return Report(step=step, steps=8, ratio=0.25, mono_share=0.5, dev=dev, **losses, **speeds)


def say(study: Study, state: str) -> None:
    trials = {"search": PhaseCounts(planned=8, running=2), "confirm": PhaseCounts(planned=6)}
    study.write_status(StatusRecord(state=state, phase="search", updated=now(), dashboard="http://d:1", trials=trials))


def shown(study: Study) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        console.print(view(open_study(study.folder.location), console))
    return captured.get()


def test_text_from_records_is_no_markup(study: Study) -> None:
    record = open_study(study.folder.location).info
    live, broken = "[link=http://evil.example]metric[/link]", "x[/bold]"
    for metric in (live, broken):
        objectives = (ObjectiveRecord(metric=metric, direction="maximize"),)
        write_sealed(study.folder, "study.json", record.model_copy(update={"objectives": objectives}))
        assert shown(study).count(f"dev {metric}") == 2


def test_a_study_that_nothing_chooses_in_is_damaged(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    write_sealed(study.folder, "study.json", study.info.model_copy(update={"objectives": ()}))
    assert main([study.folder.location]) == 2
    assert "study.json is damaged (objectives: " in capsys.readouterr().err


def test_a_running_study_shows_counts_time_leaderboard_and_its_last_failure(study: Study) -> None:
    text = shown(study)
    assert "s (running)   search phase" in text
    assert "3 of 14 trials done, 1 running, 0 stopped early, 1 failed" in text
    # Five trials of a minute, two at a time; the first of the confirm phase is thought to take as long.
    assert "time left: search 2 min, confirm 3 min" in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("search-step-000")]
    assert row[1:6] == ["6/8", "0.25", "1.500", "0.1250", "321"], "the last dev value stays"
    assert "http://d:1" in text
    board = re.findall(r"(\w+) +(\d/\d) +(0\.\d{4}|-) +(search-linear-\d+|-)", text)
    assert board[0] == ("linear", "2/2", "0.7500", "search-linear-001")
    assert set(board[1:]) == {("cosine", "1/2", "-", "-"), ("step", "0/2", "-", "-"), ("sigmoid", "0/2", "-", "-")}
    assert text.count("best trial") == 1, "one leaderboard"
    failure = next(line for line in text.splitlines() if line.startswith("last failure"))
    assert "search-cosine-000 failed: RuntimeError: out of memory\\x1b[31m" in failure
    assert f"{study.folder.location}/trials/search-cosine-000/{LOG}" in failure


@pytest.mark.parametrize("state", ["interrupted", "budget", "lost"])
def test_a_study_that_stopped_says_how_to_go_on_and_shows_nothing_running(study: Study, state: str) -> None:
    say(study, state)
    text = shown(study)
    assert f"({state})" in text
    assert "0 running" in text
    assert "http://d:1" not in text
    assert f"go on: python -m study.run --resume {study.folder.location}" in text


def test_watching_ends_with_the_study(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    say(study, "complete")
    assert main([study.folder.location, "--watch"]) == 0
    assert "s (complete)" in capsys.readouterr().out


def test_times_that_are_none_are_no_error(study: Study) -> None:
    status = StatusRecord(
        state="complete", phase="search", updated="yesterday", trials={"other": PhaseCounts(planned=1)}
    )
    study.write_status(status)
    assert "s (complete)" in shown(study)


def test_a_folder_without_a_study_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    for location in (tmp_path / "foreign", tmp_path / "none"):
        assert main([str(location)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("study.status: ")
        assert str(location) in line
        assert "name the folder of a study" in line


def test_neither_ray_nor_torch_is_loaded(study: Study) -> None:
    code = (
        "import sys; from study.status import main; assert main(sys.argv[1:]) == 0; "
        "assert not {'ray', 'torch', 'optuna'} & sys.modules.keys()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code, study.folder.location], check=True, env=environment, timeout=60)
