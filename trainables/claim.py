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
"""Hidden, since it is no record of a trial, and never removed: who removes a mark may remove another one's."""


class TakenOverError(Exception):
    """Another process has begun the trial since; what this one would still do, that one does."""


@dataclass(frozen=True)
class Claim:
    """The right to write into a folder."""

    folder: Folder
    mark: str
    """What stands there, or begins what stands there where a part of the holder has it."""

    def check(self) -> None:
        """Raises TakenOverError if somebody else holds the folder by now."""
        with suppress(FileNotFoundError):
            if self.folder.read_bytes(_CLAIM).startswith(self.mark.encode()):
                return
        raise TakenOverError(f"{self.folder.location} was begun again by another process")

    def part(self) -> "Claim":
        """Takes the folder for a part of the holder, from any other part; raises TakenOverError if it is lost."""
        self.check()
        return _written(Claim(self.folder, f"{self.mark}{uuid.uuid4().hex}"))


def take(folder: Folder) -> Claim:
    """Takes a folder from whoever has it, for a process and the groups of workers that it starts."""
    return _written(Claim(folder, f"{uuid.uuid4().hex}:"))


def _written(claim: Claim) -> Claim:
    claim.folder.write_bytes(_CLAIM, claim.mark.encode())
    return claim


@contextmanager
def claimed(folder: Folder, holder: str = "") -> Iterator[Claim]:
    """Holds a folder for the time of the block.

    Once it is lost raises TakenOverError, in place of an error of the block, which may be the other's doing.

    Args:
        folder: of a trial.
        holder: the mark of the process that has taken the folder for this one; none: it is taken from whoever has it.
    """
    claim = (Claim(folder, holder) if holder else take(folder)).part()
    try:
        yield claim
    finally:
        claim.check()
