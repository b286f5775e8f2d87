"""A memory that is nearly full, for which Ray ends processes: no trial has failed, and all go on with another Ray."""

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


class MemoryRanOutError(Exception):
    """Ray has ended a process of ours because the memory of its machine was nearly full."""


class SparingTrials(FIFOScheduler):
    """Lets trials run in the order in which they come, and looks at why one has died before it counts as failed."""

    @override
    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        raise_if_memory_ran_out(trial)
        super().on_trial_error(tune_controller, trial)


def raise_if_memory_ran_out(trial: Any) -> None:
    """Raises MemoryRanOutError if a trial of Tune died of a full memory.

    Tune tries again at once and `max_failures` times, which a memory that is full for seconds outlasts.
    """
    # Tune keeps every kind of error as text, and only some as what they are.
    error = Path(trial.error_file).read_text(encoding="utf-8").rpartition("\nFailure # ")[2]
    said = next((line for line in error.splitlines() if _MEMORY_LOW in line), None)
    if said is not None:
        # In a traceback the class stands before it.
        raise MemoryRanOutError(said.rpartition("OutOfMemoryError: ")[2])


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that Ray has ended a process because memory was nearly full, or tells of one that does."""
    return _MEMORY_LOW in str(error)


@contextmanager
def memory_told() -> Iterator[None]:
    """Raises MemoryRanOutError where Ray says that memory was full, for which Tune knows no end but its own."""
    try:
        yield
    except Exception as error:
        # Of what a trial has raised Tune makes an error of its own, with ours as what it was about to handle.
        for one in (error, error.__cause__, error.__context__):
            if isinstance(one, ray.exceptions.OutOfMemoryError | MemoryRanOutError):
                raise MemoryRanOutError(one_line(one)) from error
        raise
