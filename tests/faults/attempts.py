"""Tries a command line in a process of its own, and tells how it ended and what it took."""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 10
"""Processor time after which an attempt counts as hung."""

PATIENCE_SECONDS = 90
"""Time after which an attempt is ended: one that waits takes no processor time, and the machine may be busy."""


@dataclass(frozen=True)
class Attempt:
    """How a command line ended."""

    status: int
    """exit status; minus the number of the signal that ended it"""
    said: str
    """what it wrote to standard error"""
    processor_seconds: float
    grown_mib: float
    """its largest memory, less what it had at the start"""


def attempt(main: Callable[[Sequence[str]], int], arguments: Sequence[str], folder: Path, log: Path) -> Attempt:
    """Runs a command line in a folder, and tells how that ended."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = os.fork()
    if child == 0:
        _run(main, arguments, folder, log)
    _, state, usage = os.wait4(child, 0)
    # The child begins with the memory of this process, at most its largest so far.
    grown = max(0, usage.ru_maxrss - before) / 1024
    status = os.waitstatus_to_exitcode(state)
    return Attempt(status, log.read_text(errors="replace"), usage.ru_utime + usage.ru_stime, grown)


def _run(main: Callable[[Sequence[str]], int], arguments: Sequence[str], folder: Path, log: Path) -> None:
    status = 70
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_SECONDS)
        os.chdir(folder)
        for stream, path in ((1, os.devnull), (2, str(log))):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (ends with the process)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        status = main(arguments)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 71
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
