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
    holder: str

    def check(self) -> None:
        """Raises TakenOverError if somebody else holds the folder by now."""
        with suppress(FileNotFoundError):
            if self.folder.read_bytes(_CLAIM) == self.holder.encode():
                return
        raise TakenOverError(f"{self.folder.location} was begun again by another process")

    def give_back(self) -> None:
        """Lets go of the folder, if nobody else has taken it."""
        with suppress(TakenOverError):
            self.check()
            self.folder.remove(_CLAIM)


def take(folder: Folder) -> Claim:
    """Takes a folder from whoever has it."""
    claim = Claim(folder, uuid.uuid4().hex)
    folder.write_bytes(_CLAIM, claim.holder.encode())
    return claim


@contextmanager
def claimed(folder: Folder, holder: str = "") -> Iterator[Claim]:
    """Holds a folder for the time of the block.

    Once it is lost raises TakenOverError, in place of an error of the block, which may be the other's doing.

    Args:
        folder: of a trial.
        holder: of a claim that was taken for this process, which may run the block several times; none: the folder is
            taken from whoever has it, and given back.
    """
    claim = Claim(folder, holder) if holder else take(folder)
    claim.check()
    try:
        yield claim
    finally:
        claim.check()
        if not holder:
            claim.give_back()
