"""The loss of a batch and its gradient, in one go or chunk by chunk with cached gradients."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
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


@dataclass(frozen=True, eq=False)
class _Texts:
    """The texts of a chunk of n pairs, as numbers in the tables of tokens."""

    query_text: npt.NDArray[np.int32]
    """[n]"""
    passage_text: npt.NDArray[np.int32]
    """[n]"""
    negative_text: npt.NDArray[np.int32]
    """[n, h], -1 where there is none."""

    @property
    def negatives(self) -> npt.NDArray[np.int32]:
        """The negatives that there are."""
        return self.negative_text[self.negative_text >= 0]

    @property
    def passages(self) -> npt.NDArray[np.int32]:
        """What is encoded as a passage: [n], then the negatives that there are."""
        return np.concatenate([self.passage_text, self.negatives])


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
            loss = self._loss(self._embed(chunks[0], (step, 0)), share)
            loss.backward()
            return loss.detach()
        embeddings = self._embed_all(chunks, step)
        for part in embeddings:
            part.requires_grad_()
        loss = self._loss(embeddings, share)
        wanted = torch.autograd.grad(loss, embeddings)
        sizes = [len(chunk.query_text) for chunk in chunks]
        for number, (chunk, *gradients) in enumerate(zip(chunks, *(g.split(sizes) for g in wanted), strict=True)):
            # A chunk may have no negative, whose embeddings then come from no weight.
            pairs = zip(self._embed(chunk, (step, number)), gradients, strict=True)
            with_history = [(part, gradient) for part, gradient in pairs if part.requires_grad]
            torch.autograd.backward([part for part, _ in with_history], [gradient for _, gradient in with_history])
        return loss.detach()

    @torch.no_grad()
    def loss(self, share: Batch, step: int) -> Tensor:
        """Returns this worker's part of the loss with the dropout that `add_gradient` had; no gradient is added."""
        chunks = self._chunks(share, self._config.compute.gradient_accumulation)
        return self._loss(self._embed_all(chunks, step), share)

    def _loss(self, embeddings: Sequence[Tensor], share: Batch) -> Tensor:
        queries, passages, *negatives = embeddings
        present = torch.from_numpy(share.negative_text >= 0).to(self._worker.device) if negatives else None
        return contrastive_loss(
            queries,
            passages,
            self._config.loss.temperature,
            negatives=negatives[0] if negatives else None,
            present=present,
            symmetric=self._config.loss.symmetric,
            worker=self._worker,
        )

    def _chunks(self, share: Batch, count: int) -> list["_Texts"]:
        columns = (share.query_text, share.passage_text, share.negative_text)
        count = min(count, len(share.query_text))
        return [_Texts(*parts) for parts in zip(*(np.array_split(one, count) for one in columns), strict=True)]

    @torch.no_grad()
    def _embed_all(self, chunks: Sequence["_Texts"], step: int) -> list[Tensor]:
        per_chunk = [self._embed(chunk, (step, number)) for number, chunk in enumerate(chunks)]
        return [torch.cat(side) for side in zip(*per_chunk, strict=True)]

    def _embed(self, chunk: "_Texts", place: tuple[int, int]) -> tuple[Tensor, ...]:
        """The embeddings of a chunk's queries and passages, [n, d] each, and of its explicit negatives, [n, h, d], if
        h is not 0, in float32. Those of absent negatives are zero.
        """
        self._generator.manual_seed(_dropout_seed(self._config.seed, self._worker.rank, place))
        with self._mixed_precision():
            parts = [self._encoder(ids, mask).float() for ids, mask in self._inputs(chunk)]
        number = len(chunk.query_text)
        queries, passages, negatives = torch.cat(parts).split([number, number, len(chunk.negatives)])
        per_query = chunk.negative_text.shape[1]
        if not per_query:
            return queries, passages
        all_of_them = queries.new_zeros(number * per_query, queries.shape[1])
        if len(negatives):
            places = torch.from_numpy(np.flatnonzero(chunk.negative_text.ravel() >= 0)).to(negatives.device)
            all_of_them = all_of_them.index_copy(0, places, negatives)
        return queries, passages, all_of_them.view(number, per_query, -1)

    def _mixed_precision(self) -> AbstractContextManager[None]:
        if self._precision == torch.float32:
            return nullcontext()
        return torch.autocast(self._worker.device.type, self._precision)

    def _inputs(self, chunk: "_Texts") -> Iterator[tuple[Tensor, Tensor]]:
        pad_id = self._tokens.pad_id
        sides = [
            pad(self._tokens.queries, chunk.query_text, pad_id, self._multiple_of),
            pad(self._tokens.passages, chunk.passages, pad_id, self._multiple_of),
        ]
        widths = [ids.shape[1] for ids, _ in sides]
        rows = [len(ids) for ids, _ in sides]
        if sum(rows) * max(widths) <= _WORTHWHILE_PADDING * sum(np.multiply(rows, widths)):
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
