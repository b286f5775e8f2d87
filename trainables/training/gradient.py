"""The loss of a batch and its gradient, in one go or chunk by chunk with cached gradients."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.batches.batch import Batch
from trainables.config import TrialConfig
from trainables.encoders.tokens import TokenTable, pad
from trainables.parallel.replicated import Worker
from trainables.training.config import ComputeConfig
from trainables.training.loss import contrastive_loss

_WORTHWHILE_PADDING = 1.25
"""Queries and passages share a forward pass as long as the padding that this adds stays below a quarter."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """The token ids of the training texts, as queries and as passages; row i of each is `TrainingData.texts[i]`."""

    queries: TokenTable
    passages: TokenTable
    pad_id: int


def resolve_precision(config: ComputeConfig, device: torch.device) -> torch.dtype:
    """Returns what the encoder computes in: bfloat16 where asked for, or where `auto` finds it fast."""
    if config.precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


class GradientEngine:
    """Computes the contrastive loss of a worker's share of a batch and adds its gradient to the encoder's."""

    def __init__(self, encoder: nn.Module, tokens: Tokens, config: TrialConfig, worker: Worker) -> None:
        self._encoder = encoder
        self._tokens = tokens
        self._config = config
        self._worker = worker
        self._precision = resolve_precision(config.compute, worker.device)
        self._generator = _global_generator(worker.device)
        # Whole tensor-core tiles.
        self._multiple_of = 8 if worker.device.type == "cuda" else 1

    def add_gradient(self, share: Batch, step: int) -> Tensor:
        """Adds the gradient and returns this worker's part of the loss, a scalar without history.

        The parts, and the gradients, sum over the workers to those of the global batch. With several chunks the
        embeddings are computed twice: once without history for the loss and its gradient with respect to them, and
        once per chunk to carry that on to the weights (GradCache, arXiv 2101.06983).
        """
        chunks = self._chunks(share, self._config.compute.gradient_accumulation)
        if len(chunks) == 1:
            loss = self._loss(self._embed(chunks[0], (step, 0)))
            loss.backward()
            return loss.detach()
        with torch.no_grad():
            per_chunk = [self._embed(chunk, (step, number)) for number, chunk in enumerate(chunks)]
        queries, passages = (torch.cat(side).requires_grad_() for side in zip(*per_chunk, strict=True))
        loss = self._loss((queries, passages))
        wanted = torch.autograd.grad(loss, (queries, passages))
        sizes = [len(chunk[0]) for chunk in chunks]
        for number, (chunk, *gradients) in enumerate(zip(chunks, *(g.split(sizes) for g in wanted), strict=True)):
            torch.autograd.backward(self._embed(chunk, (step, number)), gradients)
        return loss.detach()

    @torch.no_grad()
    def loss(self, share: Batch, step: int) -> Tensor:
        """Returns this worker's part of the loss with the dropout that `add_gradient` had; no gradient is added."""
        chunks = self._chunks(share, self._config.compute.gradient_accumulation)
        per_chunk = [self._embed(chunk, (step, number)) for number, chunk in enumerate(chunks)]
        queries, passages = (torch.cat(side) for side in zip(*per_chunk, strict=True))
        return self._loss((queries, passages))

    def _loss(self, embeddings: tuple[Tensor, Tensor]) -> Tensor:
        return contrastive_loss(
            *embeddings, self._config.loss.temperature, symmetric=self._config.loss.symmetric, worker=self._worker
        )

    def _chunks(self, share: Batch, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        if count == 1:
            return [(share.query_text, share.passage_text)]
        count = min(count, len(share.query_text))
        return list(
            zip(np.array_split(share.query_text, count), np.array_split(share.passage_text, count), strict=True)
        )

    def _embed(self, chunk: tuple[np.ndarray, np.ndarray], place: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The embeddings of a chunk's queries and passages, [n, d] each, in float32."""
        self._generator.manual_seed(_dropout_seed(self._config.seed, self._worker.rank, place))
        with self._mixed_precision():
            parts = [self._encoder(ids, mask).float() for ids, mask in self._inputs(chunk)]
        queries, passages = parts if len(parts) == 2 else parts[0].chunk(2)
        return queries, passages

    def _mixed_precision(self) -> AbstractContextManager[None]:
        if self._precision == torch.float32:
            return nullcontext()
        return torch.autocast(self._worker.device.type, self._precision)

    def _inputs(self, chunk: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
        pad_id = self._tokens.pad_id
        sides = [
            pad(self._tokens.queries, chunk[0], pad_id, self._multiple_of),
            pad(self._tokens.passages, chunk[1], pad_id, self._multiple_of),
        ]
        widths = [ids.shape[1] for ids, _ in sides]
        if 2 * max(widths) <= _WORTHWHILE_PADDING * sum(widths):
            sides = [_stack(sides, max(widths), pad_id)]
        for ids, mask in sides:
            yield self._move(ids), self._move(mask)

    def _move(self, tensor: Tensor) -> Tensor:
        if self._worker.device.type == "cuda":
            return tensor.pin_memory().to(self._worker.device, non_blocking=True)
        return tensor.to(self._worker.device)


def _stack(sides: Sequence[tuple[Tensor, Tensor]], width: int, pad_id: int) -> tuple[Tensor, Tensor]:
    """One rectangle of ids and one of the mask, `width` columns each."""
    wide = [
        (ids, mask)
        if ids.shape[1] == width
        else (
            functional.pad(ids, (0, width - ids.shape[1]), value=pad_id),
            functional.pad(mask, (0, width - mask.shape[1])),
        )
        for ids, mask in sides
    ]
    return torch.cat([ids for ids, _ in wide]), torch.cat([mask for _, mask in wide])


def _dropout_seed(seed: int, rank: int, place: tuple[int, int]) -> int:
    """Differs between forward passes; the same when one is repeated, after a restart or with cached gradients."""
    address = "/".join(map(str, (seed, rank, *place)))
    return int.from_bytes(blake2b(address.encode(), digest_size=8).digest(), "little", signed=True)


def _global_generator(device: torch.device) -> torch.Generator:
    """The generator that dropout draws from; torch.manual_seed would also seed those of all other devices."""
    if device.type == "cuda":
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    return torch.default_generator
