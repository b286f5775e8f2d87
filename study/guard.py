"""A process that watches over the one that runs a study.

When Ray dies it takes the process that uses it along, without an exception. So the study runs in a child: if that ends
without a word, its parent says so, cleans up and marks the study as lost.

Ctrl-C and SIGTERM, which schedulers send, end a study in the same way. Both reach it through its parent, as SIGINT.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from trainables.command import INTERRUPTED
from trainables.errors import UserError
from trainables.inert import inert

LOST = 3
"""Exit status of a study whose process or Ray died."""

_DONE = b"\0"

_WISHES = (signal.SIGINT, signal.SIGTERM)

_ASKED_TO = (-signal.SIGINT, -signal.SIGTERM, signal.SIGTERM)
"""How a child ends that was asked to where nothing heeds it: outside the command, or while Ray, which then exits with
the number of the signal, starts."""


@dataclass(frozen=True)
class Watched:
    """What the child tells its parent."""

    pipe: int

    def study_starts(self, location: str, log: str) -> None:
        """Says which study runs from now on, and which file has Ray's messages."""
        os.write(self.pipe, json.dumps([location, log]).encode())


def watched(command: Callable[[Watched], int], lost: Callable[[str, int], bool]) -> int:
    """Runs a command in a child process and returns its exit status.

    `INTERRUPTED` if the child ended because it was asked to, `LOST` if it died before its end.

    Args:
        command: what to run.
        lost: called after the child's death with the location of the study, empty if none had started, and the
            child's process id; returns whether the study has records to go on with.
    """
    reading, writing = os.pipe()
    # None of them comes before it is known what to do.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WISHES)
    child = os.fork()
    if child == 0:
        os.close(reading)
        # Whatever stops the study then reaches it through its parent, and once.
        os.setpgid(0, 0)
        _die_with_parent()
        _pass_sigterm_on()
        # A script's shell has it ignored in what it starts in the background, and the parent sends no other signal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WISHES)
        return _tell(command, writing)
    os.close(writing)
    _stop_by_sigint(child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WISHES)
    said = bytearray()
    while part := os.read(reading, 4096):
        said += part
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code in _ASKED_TO:
        return INTERRUPTED
    if said.endswith(_DONE) or code == 0:
        return code
    location, log = json.loads(said) if said else ("", "")
    begun = True
    with suppress(OSError, UserError):
        begun = lost(location, child)
    print(f"study.run: {inert(_sentence(location, log, begun, code))}", file=sys.stderr)
    return LOST


def _pass_sigterm_on() -> None:
    """Leaves it to the parent what SIGTERM does: a scheduler may send it to one of the two, or to both."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(os.getppid(), number))


def _stop_by_sigint(child: int) -> None:
    """Passes SIGINT on, and SIGTERM as one SIGINT, however often it comes: a second one would cut the end short."""

    def terminate(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        os.kill(child, signal.SIGINT)

    # Ctrl-C at a script is none of what it has started in the background.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: os.kill(child, number))
    signal.signal(signal.SIGTERM, terminate)


def _tell(command: Callable[[Watched], int], pipe: int) -> int:
    try:
        return command(Watched(pipe))
    finally:
        os.write(pipe, _DONE)


def _sentence(location: str, log: str, begun: bool, code: int) -> str:
    how = f"signal {-code}, {signal.strsignal(-code) or 'unknown'}" if code < 0 else f"exit status {code}"
    if not location:
        return f"the process died before the study began ({how}): is there enough memory?"
    if not begun:
        return (
            f"Ray or the study's own process died ({how}) before the study had begun, the reason may be in {log}; "
            "start it again as before, without --resume."
        )
    return (
        f"Ray or the study's own process died ({how}); what had ended by then is in the records, the reason may be in "
        f"{log}; go on with --resume {location}."
    )


def _die_with_parent() -> None:
    """Whoever kills the parent means the study. Only Linux can say so beforehand."""
    set_parent_death_signal = 1
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
