"""Where large files are read: who watches, and where texts lie that are too many for memory.

A source of benchmarks is a function of a split and a folder of data. Only the readers of files, which all sources end
in, care for the workplace; whoever loads a benchmark says it once, and it does not pass through every source.

>>> with working_at(Path("cache"), unwatched):
...     workplace().folder
PosixPath('cache')
>>> workplace().folder is None
True
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from trainables.watch import Watch, unwatched


@dataclass(frozen=True)
class Workplace:
    """Where files are read."""

    folder: Path | None = None
    """For texts that are too many for memory; None: all in memory."""
    watch: Watch = unwatched
    """Shows how far reading is."""


_NOWHERE = Workplace()
_current = ContextVar("workplace", default=_NOWHERE)


def workplace() -> Workplace:
    """That of whoever asked for the files; in memory and unwatched where nobody said."""
    return _current.get()


@contextmanager
def working_at(folder: Path | None, watch: Watch) -> Iterator[None]:
    """Files that are read inside are read there."""
    token = _current.set(Workplace(folder, watch))
    try:
        yield
    finally:
        _current.reset(token)
