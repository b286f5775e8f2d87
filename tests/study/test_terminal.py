"""What the terminal shows is what was told, live or as lines."""

import io

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
