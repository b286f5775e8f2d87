"""One process among those that train a model together, and what they tell each other: nothing if there is but one."""

import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Worker:
    """One of `world` processes of a torch.distributed process group that is already set up (none is needed for one)."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes records."""
        return self.rank == 0


def sum_over_workers(tensor: Tensor, worker: Worker) -> Tensor:
    """Returns the element-wise sum of every worker's tensor, equal on all of them."""
    if worker.world == 1:
        return tensor
    total = tensor.to(worker.device, copy=True)
    distributed.all_reduce(total)
    return total.to(tensor.device)


def rows_on_first(rows: Tensor, worker: Worker) -> list[Tensor]:
    """Returns the rows [n, d] of every worker, in the order of the ranks, on the first one; nothing on the others.

    Every worker must give as many rows, on its device.
    """
    if worker.world == 1:
        return [rows]
    parts = [torch.empty_like(rows) for _ in range(worker.world)] if worker.is_first else None
    distributed.gather(rows.contiguous(), parts, dst=0)
    return parts or []


def from_first(value: Any, worker: Worker) -> Any:
    """Returns the first worker's `value`, anything that JSON can hold, on every worker."""
    if worker.world == 1:
        return value
    content = json.dumps(value).encode() if worker.is_first else b""
    length = torch.tensor([len(content)], device=worker.device)
    distributed.broadcast(length, src=0)
    letters = torch.empty(int(length), dtype=torch.uint8, device=worker.device)
    if worker.is_first:
        letters.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
    distributed.broadcast(letters, src=0)
    return json.loads(letters.cpu().numpy().tobytes())
