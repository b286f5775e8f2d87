"""A process that watches over the one that runs a study.

When Ray dies it takes the process that uses it along, without an exception. So the study runs in a child: if that ends
without a word, its parent says so, cleans up and marks the study as lost.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from trainables.inert import inert

LOST = 3
"""Exit status of a study whose process or Ray died."""

_DONE = b"\0"


@dataclass(frozen=True)
class Watched:
    """What the child tells its parent."""

    pipe: int

    def study_starts(self, location: str) -> None:
        """Says which study runs from now on."""
        os.write(self.pipe, location.encode())


def watched(command: Callable[[Watched], int], lost: Callable[[str, int], None]) -> int:
    """Runs a command in a child process and returns its exit status; `LOST` if the child died before its end.

    Args:
        command: what to run.
        lost: called after the child's death with the location of the study, empty if none had started, and the
            child's process id.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        # Whatever stops the study then reaches it through its parent, and once.
        os.setpgid(0, 0)
        _die_with_parent()
        return _tell(command, writing)
    os.close(writing)
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, lambda number, frame: os.kill(child, number))
    said = bytearray()
    while part := os.read(reading, 4096):
        said += part
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if said.endswith(_DONE) or code == 0:
        return code
    location = said.decode(errors="replace")
    with suppress(OSError):
        lost(location, child)
    print(f"study.run: {inert(_sentence(location, code))}", file=sys.stderr)
    return LOST


def _tell(command: Callable[[Watched], int], pipe: int) -> int:
    try:
        return command(Watched(pipe))
    finally:
        os.write(pipe, _DONE)


def _sentence(location: str, code: int) -> str:
    how = f"signal {-code}, {signal.strsignal(-code) or 'unknown'}" if code < 0 else f"exit status {code}"
    if not location:
        return f"the process died before the study began ({how}): is there enough memory?"
    return (
        f"Ray or the study's own process died ({how}); what had ended by then is in the records, the reason may be in "
        f"{location}/log/ray.log; go on with --resume {location}."
    )


def _die_with_parent() -> None:
    """Whoever kills the parent means the study. Only Linux can say so beforehand."""
    set_parent_death_signal = 1
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
