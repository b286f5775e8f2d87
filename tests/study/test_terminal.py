"""What the terminal shows is what was told, live or as lines."""

import io
import re

import pytest
from rich.console import Console

from study.terminal import Progress


def progress(terminal: bool, quiet: bool = False) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, no_color=True)
    shown = Progress(console, "mine", "http://127.0.0.1:8265", 2, quiet, planned={"search": 4, "confirm": 6})
    return shown, out


def story(shown: Progress) -> None:
    shown.trial_started("search-linear-000", 100)
    shown.trial_reported("search-linear-000", {"step": 40, "ratio": 0.25, "loss": 1.5, "pairs_per_second": 321.0})
    shown.trial_reported("search-linear-000", {"step": 50, "objective": 0.4321, "doing": "encoding 3 of 7"})
    shown.trial_started("search-step-000", 100)
    shown.trial_ended("search-step-000", "search", "failed", None, "RuntimeError: out of memory")
    shown.trial_started("search-cosine-000", 100)
    shown.trial_ended("search-cosine-000", "search", "complete", 0.5, None)


def test_the_live_view_shows_trials_counts_best_and_dashboard() -> None:
    shown, out = progress(terminal=True)
    with shown:
        story(shown)
    text = out.getvalue()
    counts = "2 of 10 trials done, 1 running, 0 stopped early, 1 failed"
    for part in (counts, "50/100", "0.25", "1.500", "0.4321", "321", "encoding 3 of 7"):
        assert part in text, part
    assert "best in the search so far: 0.5000 (search-cosine-000)" in text
    assert "http://127.0.0.1:8265" in text


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
        shown.trial_ended("search-linear-000", "search", "complete", 0.9, None)
    assert shown.done["search"] == 1
    assert out.getvalue() == ""


@pytest.mark.parametrize("width", [80, 140])
def test_the_live_view_ranks_branches_by_their_best_and_uses_the_width(width: int) -> None:
    out = io.StringIO()
    shown = Progress(
        Console(file=out, width=width, no_color=True), "mine", None, 2, planned={"search": 9, "confirm": 6}
    )
    shown.trial_started("search-linear-003", 100)
    shown.trial_reported("search-linear-003", {"step": 40, "ratio": 0.25, "loss": 1.5, "doing": "encoding 3 of 7"})
    for trial, value in (("linear-000", 0.4), ("linear-001", 0.6), ("hybrid-0.5-000", 0.5), ("linear-002", 0.3)):
        shown.trial_ended(f"search-{trial}", "search", "complete", value, None, seconds=60)
    shown.trial_ended("search-step-000", "search", "failed", None, None, seconds=60)
    shown.console.print(shown.view())
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    bar = next(line for line in lines if line.startswith("\N{BOX DRAWINGS HEAVY HORIZONTAL}"))
    assert abs(len(bar) - width / 3) <= 1, "a third is done"
    (first,) = [place for place, line in enumerate(lines) if re.search(r"linear +3 +0\.6000$", line)]
    (second,) = [place for place, line in enumerate(lines) if re.search(r"hybrid-0\.5 +1 +0\.5000$", line)]
    assert first < second
    assert not any(re.search(r"step +1", line) for line in lines)
    assert any(re.search(r"search-linear-003 +40/100 +0\.25 +1\.500 ", line) for line in lines), "no number is cut"
    # Beside what runs where there is room, below where not.
    (running,) = [place for place, line in enumerate(lines) if "search-linear-003" in line]
    assert (running == first) == (width == 140)
    assert any("time left: search 2 min, confirm 3 min" in line for line in lines)


def test_the_live_view_of_the_confirm_phase_shows_the_mean_over_seeds() -> None:
    out = io.StringIO()
    shown = Progress(Console(file=out, width=80, no_color=True), "mine", None, 2, planned={"search": 1, "confirm": 6})
    shown.phase = "confirm"
    for seed, value in enumerate((0.4, 0.6)):
        shown.trial_ended(f"confirm-best-static-{seed:03d}", "confirm", "complete", value, None)
    shown.console.print(shown.view())
    assert re.search(r"best-static +2 +0\.5000", out.getvalue())
