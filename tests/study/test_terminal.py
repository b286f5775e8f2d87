"""What the terminal shows is what was told, live or as lines."""

import io
import re

import pytest
from rich.console import Console

from study.leaderboard import Leaderboard
from study.records import BranchRecord
from study.terminal import Progress
from tests.study.toy_study import study_record
from tests.trainables.toy_trial import toy_trial
from trainables.records import TrialRecord

METRIC = "dev/multilingual/map"


def progress(terminal: bool, quiet: bool = False) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, no_color=True)
    leaders = Leaderboard(study_record())
    shown = Progress(console, "mine", "http://127.0.0.1:8265", 2, leaders, quiet, planned={"search": 4, "confirm": 6})
    return shown, out


def trial(branch: str) -> TrialRecord:
    return toy_trial().model_copy(update={"id": f"search-{branch}-000", "branch": branch, "number": 0})


def story(shown: Progress) -> None:
    shown.trial_started("search-linear-000", 100)
    shown.trial_reported("search-linear-000", {"step": 40, "ratio": 0.25, "loss": 1.5, "pairs_per_second": 321.0})
    shown.trial_reported("search-linear-000", {"step": 50, "objective": 0.4321, "doing": "encoding 3 of 7"})
    shown.trial_started("search-step-000", 100)
    shown.trial_ended(trial("step"), "failed", {}, "RuntimeError: out of memory")
    shown.trial_started("search-cosine-000", 100)
    shown.trial_ended(trial("cosine"), "complete", {METRIC: 0.5}, None)


def test_the_live_view_shows_trials_counts_and_dashboard() -> None:
    shown, out = progress(terminal=True)
    with shown:
        story(shown)
    text = out.getvalue()
    counts = "2 of 10 trials done, 1 running, 0 stopped early, 1 failed"
    for part in (counts, "50/100", "0.25", "1.500", "0.4321", "321", "encoding 3 of 7"):
        assert part in text, part
    assert "http://127.0.0.1:8265" in text


def test_the_names_of_trials_are_no_markup() -> None:
    shown, out = progress(terminal=True)
    names = ("[link=http://evil.example]a[/link]", "b[/c]")
    for name in names:
        shown.trial_started(name, 8)
    shown.console.print(shown.view())
    assert all(name in out.getvalue() for name in names)


def test_without_a_terminal_every_ended_trial_is_a_plain_line() -> None:
    shown, out = progress(terminal=False)
    with shown:
        story(shown)
    lines = out.getvalue().splitlines()
    assert any("search 1/4  search-step-000: failed" in line for line in lines)
    assert any("RuntimeError: out of memory" in line for line in lines)
    assert any("search 2/4  search-cosine-000: complete, dev multilingual/map 0.5000" in line for line in lines)
    assert all("\x1b" not in line for line in lines)


def test_quiet_says_nothing() -> None:
    shown, out = progress(terminal=True, quiet=True)
    with shown:
        story(shown)
    assert out.getvalue() == ""


def test_a_trial_taken_over_from_the_records_is_counted_but_not_told() -> None:
    shown, out = progress(terminal=False)
    with shown:
        shown.trial_ended(trial("linear"), "complete", {METRIC: 0.9}, None)
    assert shown.done["search"] == 1
    assert out.getvalue() == ""


@pytest.mark.parametrize("width", [80, 180])
def test_the_live_view_has_its_leaderboard_beside_what_runs_where_there_is_room(width: int) -> None:
    out = io.StringIO()
    branches = [BranchRecord(branch=name, role="dynamic", trials=3, pairs=1) for name in ("step", "linear")]
    shown = Progress(
        Console(file=out, width=width, no_color=True),
        "mine",
        None,
        2,
        Leaderboard(study_record(branches=branches)),
        planned={"search": 6, "confirm": 3},
    )
    shown.trial_started("search-linear-003", 100)
    shown.trial_reported("search-linear-003", {"step": 40, "ratio": 0.25, "loss": 1.5, "doing": "encoding 3 of 7"})
    shown.trial_ended(trial("linear"), "complete", {METRIC: 0.5}, None, seconds=60)
    for _ in range(2):
        shown.trial_ended(trial("step"), "failed", {}, None, seconds=60)
    shown.console.print(shown.view())
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    bar = next(line for line in lines if line.startswith("\N{BOX DRAWINGS HEAVY HORIZONTAL}"))
    assert abs(len(bar) - width / 3) <= 1, "a third is done"
    (first,) = [
        place for place, line in enumerate(lines) if re.search(r"linear +1/3 +0\.5000 +search-linear-000", line)
    ]
    (second,) = [place for place, line in enumerate(lines) if re.search(r"step +2/3 +- +- +-$", line)]
    assert first < second
    assert any(re.search(r"search-linear-003 +40/100 +0\.25 +1\.500 ", line) for line in lines), "no number is cut"
    (running,) = [place for place, line in enumerate(lines) if "search-linear-003" in line]
    assert (running == first) == (width == 180)
    assert any("time left: search 2 min, confirm 2 min" in line for line in lines)
