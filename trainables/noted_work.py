"""Long work of a trial that others follow: a note in its folder says how far it is.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as path:
...     watch = NotedWork(Folder(path), seconds=0)
...     [note(Folder(path)).partition(",")[0] for _ in watch("ab", "encoding", 2)], note(Folder(path))
(['', 'encoding 1 of 2'], '')
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from trainables.storage import Folder
from trainables.watch import how_far

T = TypeVar("T")

_NOTE = ".work"
"""Hidden: it is no record of a trial."""
_SECONDS = 5.0


class NotedWork:
    """A watch (`trainables.watch`) that keeps a note in a folder while work takes long.

    Args:
        folder: of the trial; what a killed one has left there is removed.
        seconds: between two notes, and until the first one.
    """

    def __init__(self, folder: Folder, seconds: float = _SECONDS) -> None:
        self._folder, self._seconds = folder, seconds
        folder.remove(_NOTE)

    def __call__(self, things: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """The same things."""
        began = noted = time.monotonic()
        for number, thing in enumerate(things, 1):
            yield thing
            now = time.monotonic()
            if now - noted >= self._seconds:
                noted = now
                # Nothing of a trial depends on it.
                with suppress(OSError):
                    self._folder.write_bytes(_NOTE, f"{what} {how_far(number, total, now - began)}".encode())
        if noted != began:
            with suppress(OSError):
                self._folder.remove(_NOTE)


def note(folder: Folder) -> str:
    """What the trial of a folder is working on; empty if it has not taken long, or for what cannot be read."""
    with suppress(OSError, UnicodeError):
        return folder.read_bytes(_NOTE).decode() if folder.exists(_NOTE) else ""
    return ""
