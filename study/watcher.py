"""Progress bars of work that takes longer than two seconds: how much is done, and how fast."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from trainables.inert import inert
from trainables.watch import how_far

T = TypeVar("T")

_SECONDS = 2.0
_LOOK_EVERY = 256
"""Things between two looks at the clock."""


class Watcher:
    """Shows how far work is, below what the console has printed; nothing is left of it, and nothing where the console
    is no terminal.
    """

    def __init__(self, console: Console, seconds: float = _SECONDS) -> None:
        """`seconds`: how long work must take until it is shown."""
        self._console, self._seconds, self._showing = console, seconds, False

    def __call__(self, things: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
        """The same things, whose progress is shown (`trainables.watch`)."""
        return self._shown(things, inert(what), total) if self._console.is_terminal else things

    def _shown(self, things: Iterable[T], what: str, total: int | None) -> Iterator[T]:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}")
        began = time.monotonic()
        with Progress(*columns, console=self._console, transient=True, disable=True) as bar:
            task = bar.add_task(what, total=total, told="")
            try:
                for number, thing in enumerate(things):
                    yield thing
                    if number % _LOOK_EVERY:
                        continue
                    seconds = time.monotonic() - began
                    # One bar at a time: of work within work that is shown already nothing more is said.
                    if bar.disable and seconds >= self._seconds and not self._showing:
                        bar.disable, self._showing = False, True
                        bar.start()
                    if not bar.disable:
                        bar.update(task, completed=number + 1, told=how_far(number + 1, total, seconds))
            finally:
                self._showing = self._showing and bar.disable
