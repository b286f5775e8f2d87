"""Work is shown on terminals while it takes long, and never changed by that."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from study.watcher import Watcher


def watcher(terminal: bool, seconds: float = 0.0) -> tuple[Watcher, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, no_color=True)
    return Watcher(console, seconds), out


@pytest.mark.parametrize("total", [None, 1000])
def test_what_passes_by_is_counted_with_its_rate(total: int | None) -> None:
    watch, out = watcher(terminal=True)
    passed = iter(watch(range(1000), "reading [mine]", total))
    assert [next(passed) for _ in range(600)] == list(range(600))
    assert list(passed) == list(range(600, 1000))
    assert "reading [mine]" in out.getvalue()
    assert " a second" in out.getvalue()
    assert ("of 1,000" in out.getvalue()) == (total is not None)


@pytest.mark.parametrize(("terminal", "seconds"), [(False, 0.0), (True, 60.0)])
def test_nothing_is_shown_without_a_terminal_or_of_what_is_soon_over(terminal: bool, seconds: float) -> None:
    watch, out = watcher(terminal, seconds)
    assert list(watch(iter("abc"), "reading")) == ["a", "b", "c"]
    assert list(watch([], "reading")) == []
    assert out.getvalue() == ""


def test_a_mistake_on_the_way_is_told_as_what_it_is() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("the second one")

    watch, _ = watcher(terminal=True)
    with pytest.raises(ValueError, match="the second one"):
        list(watch(broken(), "reading"))
    # The next bar may begin.
    assert list(watch([1], "reading")) == [1]


def test_work_within_work_that_is_shown_has_no_bar_of_its_own() -> None:
    watch, out = watcher(terminal=True)
    outer = iter(watch(range(10), "reading"))
    assert [next(outer), next(outer)] == [0, 1]
    assert list(watch(range(300), "unpacking")) == list(range(300))
    assert list(outer) == list(range(2, 10))
    assert list(watch(range(2), "comparing")) == [0, 1]
    assert ["unpacking" in out.getvalue(), "comparing" in out.getvalue()] == [False, True]
