"""A listener that fails, hangs or is slow costs a warning, once, and nothing of the study."""

import threading
from pathlib import Path

from study.listeners.listener import InBackground, curves, parameters
from tests.study.listeners.story import OUTCOME, TRIAL, report_at
from trainables.records import Outcome, Report, TrialRecord


class Told:
    """Keeps what it is told; fails where asked."""

    def __init__(self, fails_at: frozenset[int] = frozenset(), waits: threading.Event | None = None) -> None:
        self.told: list[object] = []
        self._fails_at, self._waits = fails_at, waits

    def reported(self, trial: TrialRecord, report: Report) -> None:
        if self._waits is not None:
            self._waits.wait()
        if report.step in self._fails_at:
            raise ConnectionError(f"no server at step {report.step}\nand more")
        self.told.append(report.step)

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        self.told.append(outcome.status)

    def close(self) -> None:
        self.told.append("closed")


def test_everything_is_told_in_order() -> None:
    told, warnings = Told(), list[str]()
    listener = InBackground("tool", lambda: told, warnings.append)
    for step in range(5):
        listener.reported(TRIAL, report_at(step))
    listener.ended(TRIAL, OUTCOME)
    listener.close()
    assert told.told == [*range(5), "complete", "closed"]
    assert warnings == []


def test_a_server_that_is_away_is_said_once_and_told_the_rest_when_it_is_back() -> None:
    told, warnings = Told(frozenset((1, 2))), list[str]()
    listener = InBackground("tool", lambda: told, warnings.append)
    for step in range(4):
        listener.reported(TRIAL, report_at(step))
    listener.close()
    assert told.told == [0, 3, "closed"]
    assert warnings == ["--log-to tool lacks some of this study (no server at step 1); the records have all of it."]


def test_one_that_cannot_start_stops_nothing() -> None:
    def start() -> Told:
        raise OSError("no such server")

    warnings = list[str]()
    listener = InBackground("tool", start, warnings.append)
    listener.reported(TRIAL, report_at(1))
    listener.close()
    assert len(warnings) == 1
    assert "no such server" in warnings[0]


def test_one_that_never_answers_is_not_waited_for() -> None:
    never, warnings = threading.Event(), list[str]()
    listener = InBackground("tool", lambda: Told(waits=never), warnings.append)
    for step in range(20_000):
        listener.reported(TRIAL, report_at(step))
    listener.close(patience=0.01)
    assert len(warnings) == 1
    never.set()


def test_curves_are_the_finite_numbers_of_a_report_and_parameters_all_options(tmp_path: Path) -> None:
    report = report_at(3).model_copy(update={"loss": None, "signals": {"gap": 0.5, "odd": None}})
    found = curves(report)
    assert "loss" not in found
    assert (found["dev/multilingual/map"], found["signals/gap"]) == (0.25, 0.5)
    assert "signals/odd" not in found
    assert "step" not in found
    assert parameters(TRIAL)["batches.size"] == "16"
