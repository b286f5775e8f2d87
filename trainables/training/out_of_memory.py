"""Whether memory ran out, here or on any other worker."""

from functools import cache

import torch
from torch import distributed

from trainables.errors import UserError
from trainables.parallel.worker import Worker

_SAID = (
    "DefaultCPUAllocator: can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
"""What torch says where it has no exception of its own: of the processor's memory, and of what CUDA and cuBLAS take of
a GPU's beside torch. After none of these is a GPU lost to the process, as after an illegal access; where cuBLAS says so
because it was lost before, the next call says why."""


class TooLargeStepError(UserError):
    """Memory ran out where a step cannot be tried again: other workers may wait in the middle of it. A training that is
    begun again in `chunks` can go on."""

    def __init__(self, sentence: str, chunks: int) -> None:
        super().__init__(sentence, chunks)
        self.chunks = chunks

    def __str__(self) -> str:
        return str(self.args[0])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or this process, did not get the memory that a computation asked for, and may ask again.

    What workers say to each other with (NCCL) is broken once it lacks memory: its errors are none of these.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    is_torchs = isinstance(error, RuntimeError) and not isinstance(error, distributed.DistError)
    return is_torchs and any(text in str(error) for text in _SAID)


class Agreement:
    """What all workers must know of each other before they go on. Numbers lie on the processor: an accelerator need not
    be waited for."""

    def __init__(self, worker: Worker) -> None:
        self._is_alone = worker.world == 1
        # Messages between accelerators need their memory, which is what is short.
        apart = worker.device.type == "cuda" and not self._is_alone
        self._group = _group_of_processors() if apart else None

    def anybody(self, here: bool) -> bool:
        """Whether it is so on any worker."""
        return self.least(-int(here)) < 0

    def least(self, here: int) -> int:
        """The smallest number of all workers."""
        if self._is_alone:
            return here
        number = torch.tensor(here)
        distributed.all_reduce(number, distributed.ReduceOp.MIN, group=self._group)
        return int(number)


@cache
def _group_of_processors() -> distributed.ProcessGroup:
    """One for all trials of these workers: a group stays until its process ends."""
    group: distributed.ProcessGroup = distributed.new_group(backend="gloo")
    return group
