"""Who may write into the folder of a trial: whoever began it last.

A process that was given up may be alive: its machine was cut off for a while, or its cluster has lost its head and the
other nodes do not know it yet. What began the trial again must not find the other one's lines among its own.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from trainables.storage import Folder

_CLAIM = ".claim"
"""Hidden: it is no record of a trial."""


class TakenOverError(Exception):
    """Another process has begun the trial since; what this one would still do, that one does."""


@dataclass(frozen=True)
class Claim:
    """The right to write into a folder."""

    folder: Folder
    holder: bytes

    def check(self) -> None:
        """Raises TakenOverError if somebody else holds the folder by now."""
        with suppress(FileNotFoundError):
            if self.folder.read_bytes(_CLAIM) == self.holder:
                return
        raise TakenOverError(f"{self.folder.location} was begun again by another process")


@contextmanager
def claimed(folder: Folder) -> Iterator[Claim]:
    """Takes a folder for the time of the block, from whoever has it.

    Once the folder is lost raises TakenOverError, in place of an error of the block, which may be the other's doing.
    """
    claim = Claim(folder, uuid.uuid4().hex.encode())
    folder.write_bytes(_CLAIM, claim.holder)
    try:
        yield claim
    finally:
        claim.check()
        folder.remove(_CLAIM)
