"""The processes that train one model together; with one worker everything here does nothing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, distributed, nn

_BUCKET_ELEMENTS = 1 << 24


@dataclass(frozen=True)
class Worker:
    """One of `world` processes of a torch.distributed process group that is already set up (none is needed for one)."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def sum_over_workers(tensor: Tensor, worker: Worker) -> Tensor:
    """Returns the element-wise sum of every worker's tensor, equal on all of them."""
    if worker.world == 1:
        return tensor
    total = tensor.to(worker.device, copy=True)
    distributed.all_reduce(total)
    return total.to(tensor.device)


def sum_gradients(parameters: Iterable[nn.Parameter], worker: Worker) -> None:
    """Replaces every gradient by its sum over the workers, a few large messages at a time."""
    if worker.world == 1:
        return
    bucket: list[Tensor] = []
    for gradient in (p.grad for p in parameters if p.grad is not None):
        bucket.append(gradient)
        if sum(g.numel() for g in bucket) >= _BUCKET_ELEMENTS:
            _sum_bucket(bucket)
            bucket = []
    if bucket:
        _sum_bucket(bucket)


def _sum_bucket(gradients: Sequence[Tensor]) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, total in zip(gradients, flat.split(sizes), strict=True):
        gradient.copy_(total.view_as(gradient))


def same_weights(module: nn.Module, worker: Worker) -> None:
    """Gives every worker the parameters and buffers of the first one."""
    if worker.world > 1:
        for tensor in (*module.parameters(), *module.buffers()):
            distributed.broadcast(tensor.data, src=0)


def from_first(value: Any, worker: Worker) -> Any:
    """Returns the first worker's `value`, anything that JSON can hold, on every worker."""
    if worker.world == 1:
        return value
    content = json.dumps(value).encode() if worker.rank == 0 else b""
    length = torch.tensor([len(content)], device=worker.device)
    distributed.broadcast(length, src=0)
    letters = torch.empty(int(length), dtype=torch.uint8, device=worker.device)
    if worker.rank == 0:
        letters.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
    distributed.broadcast(letters, src=0)
    return json.loads(letters.cpu().numpy().tobytes())
