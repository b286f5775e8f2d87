"""What ends the process of a trial that is not at fault: the study goes on with another Ray, and nothing has failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.tune.schedulers import FIFOScheduler
from typing_extensions import override

from trainables.errors import one_line

_MEMORY_LOW = "due to the node running low on memory"
"""What Ray says of a process that it has ended, whatever the class of the error."""

_MEMORY = "The memory of a machine was nearly full, so that Ray ended a trial there, and with it all others"
_LESS = "Fewer trials at a time (--max-concurrent-trials) or more chunks (--gradient-accumulation) need less"
_BEGINNING = "The process of a trial died before it could begin"


class InterruptedByRayError(Exception):
    """Ray has ended a process of ours, and this Ray is of no more use.

    Args:
        what: happened, a sentence without its full stop.
        reason: of Ray's.
        remedy: what would help, likewise.
    """

    def __init__(self, what: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{what} ({reason})")
        self.what, self.reason, self.remedy = what, reason, remedy


class WithoutFault(FIFOScheduler):
    """Lets trials run in the order in which they come, and looks at why one has died before it counts as failed."""

    @override
    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        raise_if_without_fault(trial)
        super().on_trial_error(tune_controller, trial)


def raise_if_without_fault(trial: Any) -> None:
    """Raises InterruptedByRayError if a trial of Tune died of a full memory, or in its beginning.

    Tune tries again what has begun, at once and `max_failures` times, which a memory that is full for seconds outlasts,
    and never what has not.
    """
    # Tune keeps every kind of error as text, and only some as what they are.
    error = Path(trial.error_file).read_text(encoding="utf-8").rpartition("\nFailure # ")[2]
    if _MEMORY_LOW in error:
        raise InterruptedByRayError(_MEMORY, _reason(error), _LESS)
    if trial.status == trial.PENDING:
        raise InterruptedByRayError(_BEGINNING, _reason(error))


def _reason(error: str) -> str:
    """The line below that of the time."""
    return error.partition("\n")[2].partition("\n")[0]


@contextmanager
def memory_told() -> Iterator[None]:
    """Raises InterruptedByRayError where Ray says that memory was full, for which Tune knows no end but its own."""
    try:
        yield
    except Exception as error:
        for one in (error, error.__cause__):
            if isinstance(one, ray.exceptions.OutOfMemoryError):
                raise InterruptedByRayError(_MEMORY, one_line(one), _LESS) from error
            if isinstance(one, InterruptedByRayError):
                raise one from error
        raise
