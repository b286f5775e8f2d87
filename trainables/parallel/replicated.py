"""Every worker holds the whole model, and gradients are summed after the backward pass."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from typing_extensions import override

from trainables.encoders.model import Encoder
from trainables.parallel.strategy import Build, Groups, Parallel

_BUCKET_ELEMENTS = 1 << 24


class Replicated(Parallel):
    """The whole model on every worker."""

    passes_together: ClassVar[bool] = False

    @override
    def place(self, build: Build) -> Encoder:
        encoder = build().to(self.worker.device)
        self.set_up(encoder)
        return encoder

    @override
    def same_weights(self, encoder: nn.Module) -> None:
        if self.worker.world > 1:
            for tensor in (*encoder.parameters(), *encoder.buffers()):
                distributed.broadcast(tensor.data, src=0)

    @override
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sums a few large messages at a time."""
        if self.worker.world == 1:
            return
        bucket: list[Tensor] = []
        for gradient in (p.grad for p in parameters if p.grad is not None):
            bucket.append(gradient)
            if sum(g.numel() for g in bucket) >= _BUCKET_ELEMENTS:
                _sum_bucket(bucket)
                bucket = []
        if bucket:
            _sum_bucket(bucket)

    @override
    def write(self, folder: Path, groups: Groups) -> None:
        if self.worker.is_first:
            for group, tensors in groups.items():
                whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
                save_file(whole, folder / f"{group}.safetensors")

    @override
    def read(self, folder: Path, parameters: Mapping[str, nn.Parameter], groups: Iterable[str]) -> Groups:
        return {group: load_file(folder / f"{group}.safetensors") for group in groups}

    @override
    def whole(self, encoder: Encoder, build: Build) -> Encoder | None:
        return encoder if self.worker.is_first else None


def _sum_bucket(gradients: Sequence[Tensor]) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, total in zip(gradients, flat.split(sizes), strict=True):
        gradient.copy_(total.view_as(gradient))
