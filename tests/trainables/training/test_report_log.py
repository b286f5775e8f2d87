"""reports.jsonl holds every whole report, whoever was killed, and stops a trial at the rung that it misses."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.study_folder import Trial
from tests.trainables.toy_run import toy_config
from trainables.records import REPORTS, Report, Rung, TrialRecord
from trainables.storage import Folder
from trainables.training.report_log import ReportLog, new_reports

MAP = "multilingual/map"
DISTANCE = "bias/rank_distance"


def report(step: int, **more: Any) -> Report:
    usual = {"ratio": 0.5, "mono_share": 0.5, "loss": 1.5, "loss_mono": None, "loss_cross": None}
    speed = {"learning_rate": 0.1, "pairs_per_second": 1.0, "tokens_per_second": 1.0, "seconds": 1.0}
    return Report(step=step, steps=100, **{**usual, **speed, **more})


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / REPORTS).read_bytes().splitlines()]


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """A folder on the disk, and one behind a URI, whose files cannot be appended to."""
    return Folder(tmp_path if request.param == "local" else f"fsspec+memory://{tmp_path.name}-{id(request)}/trial")


def test_reports_are_read_back_in_order_and_only_once(folder: Folder) -> None:
    log = ReportLog(folder)
    assert new_reports(folder, 0) == []
    log.report(report(1, dev={"Türkçe ไทย": 0.5}))
    log.report(report(2))
    assert new_reports(folder, 0) == [report(1, dev={"Türkçe ไทย": 0.5}), report(2)]
    log.report(report(3))
    assert new_reports(folder, 2) == [report(3)]
    assert new_reports(folder, 3) == []


def test_a_folder_without_reports_has_none(folder: Folder) -> None:
    assert new_reports(folder, 0) == []


def test_a_new_writer_goes_on_after_the_old_one(folder: Folder) -> None:
    ReportLog(folder).report(report(1))
    ReportLog(folder).report(report(2))
    assert [found.step for found in new_reports(folder, 0)] == [1, 2]


@given(cut=st.data())
def test_a_line_that_was_cut_off_by_a_kill_is_lost_alone(tmp_path_factory: pytest.TempPathFactory, cut: Any) -> None:
    path = tmp_path_factory.mktemp("trial")
    folder = Folder(path)
    log = ReportLog(folder)
    for step in (1, 2, 3):
        log.report(report(step, dev={"ü\u2028": 0.5}))
    content = (path / REPORTS).read_bytes()
    kept = cut.draw(st.integers(0, len(content)))
    (path / REPORTS).write_bytes(content[:kept])
    whole = content[:kept].count(b"\n")
    assert [found.step for found in new_reports(folder, 0)] == [1, 2, 3][:whole]
    # Whoever goes on starts a line of its own.
    ReportLog(folder).report(report(7))
    assert [found["step"] for found in lines(path)] == [*[1, 2, 3][:whole], 7]


def test_a_reader_never_sees_half_a_line(tmp_path: Path) -> None:
    ReportLog(Folder(tmp_path)).report(report(1))
    with (tmp_path / REPORTS).open("ab") as stream:
        stream.write(b'{"step": 2, "loss"')
    assert new_reports(Folder(tmp_path), 0) == [report(1)]


def test_where_a_restart_repeats_a_step_the_later_line_counts(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    first = ReportLog(folder)
    first.report(report(10, loss=9.0))
    first.report(report(20, loss=8.0))
    second = ReportLog(folder)
    second.report(report(20, loss=7.0))
    trial = Trial(folder, TrialRecord(id="search-x-000", phase="search", config=toy_config()), None)
    assert [(found.step, found.loss) for found in trial.reports()] == [(10, 9.0), (20, 7.0)]
    assert trial.problems == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_written_as_null(tmp_path: Path, value: float) -> None:
    ReportLog(Folder(tmp_path)).report(report(5, loss_cross=value))
    # JSON has no other numbers: a strict reader must accept the line.
    text = (tmp_path / REPORTS).read_text()
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in {text}"))
    assert found["loss_cross"] is None
    assert found["loss"] == 1.5


def test_a_trial_stops_at_the_rung_that_it_misses_and_at_no_other_step(tmp_path: Path) -> None:
    rungs = [Rung(step=20, metric=MAP, minimum=0.3), Rung(step=40, metric=DISTANCE, maximum=90.0)]
    log = ReportLog(Folder(tmp_path), rungs)
    good, bad = {MAP: 0.3, DISTANCE: 90.0}, {MAP: 0.29, DISTANCE: 90.1}
    assert log.report(report(10, dev=bad)) is False, "no rung at this step"
    assert log.report(report(15)) is False, "nothing was evaluated at this step"
    assert log.report(report(20, dev=good)) is False, "as good as the bound is good enough"
    assert log.report(report(40, dev=good)) is False
    assert log.report(report(20, dev=bad)) is True
    assert log.report(report(40, dev={**good, DISTANCE: 90.1})) is True
    assert len(lines(tmp_path)) == 6, "the report that stops a trial is written too"


def test_rungs_hold_after_a_restart(tmp_path: Path) -> None:
    rungs = [Rung(step=20, metric=MAP, minimum=0.3)]
    ReportLog(Folder(tmp_path), rungs).report(report(10, dev={MAP: 0.1}))
    assert ReportLog(Folder(tmp_path), rungs).report(report(20, dev={MAP: 0.1})) is True


def test_a_run_that_diverges_at_a_rung_ends_as_it_would_elsewhere(tmp_path: Path) -> None:
    """The loop does not evaluate a diverged run: its last report has no dev metrics, at whatever step it falls."""
    log = ReportLog(Folder(tmp_path), [Rung(step=20, metric=MAP, minimum=0.3)])
    assert log.report(report(20, loss=math.nan)) is False
    assert [line["step"] for line in lines(tmp_path)] == [20]
