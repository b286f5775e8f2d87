"""Whether memory ran out, here or on any other worker."""

import torch
from torch import distributed

from trainables.parallel.worker import Worker

_OF_PROCESSORS = "DefaultCPUAllocator: can't allocate memory"
"""What torch says where an accelerator has an exception of its own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or this process, did not get the memory that a computation asked for."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _OF_PROCESSORS in str(error)


class Agreement:
    """What all workers must know of each other before they go on. Numbers lie on the processor: an accelerator need not
    be waited for."""

    def __init__(self, worker: Worker) -> None:
        self._is_alone = worker.world == 1
        # Messages between accelerators need their memory, which is what is short.
        apart = worker.device.type == "cuda" and not self._is_alone
        self._group = distributed.new_group(backend="gloo") if apart else None

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
