"""The loss of a batch and its gradient, in one go or chunk by chunk with cached gradients.

Texts are encoded in rectangles of like length. A chunk is a few rectangles, and without caching there is one chunk.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainables.batches.batch import Batch
from trainables.config import TrialConfig
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable, moved, pad
from trainables.parallel.replicated import Worker
from trainables.training.config import ComputeConfig
from trainables.training.loss import contrastive_loss
from trainables.training.rectangles import Rows, chunks_of_rectangles, pass_cost


@dataclass(frozen=True, eq=False)
class Tokens:
    """The token ids of the training texts, as queries and as passages; row i of each is `TrainingData.texts[i]`."""

    queries: TokenTable
    passages: TokenTable
    pad_id: int


@dataclass(frozen=True, eq=False)
class _Texts:
    """What is encoded of n pairs: their queries, their passages, and the m explicit negatives that there are."""

    query: npt.NDArray[np.int32]
    """[n], rows of the table of queries."""
    passage: npt.NDArray[np.int32]
    """[n + m], rows of the table of passages."""

    @classmethod
    def of(cls, share: Batch) -> "_Texts":
        negatives = share.negative_text[share.negative_text >= 0]
        return cls(share.query_text, np.concatenate([share.passage_text, negatives]))


@dataclass(frozen=True, eq=False)
class _Chunk:
    """What is encoded between two backward passes: rectangles of texts, with the number of the first in its batch."""

    first: int
    rectangles: list[Rows]


def resolve_precision(config: ComputeConfig, device: torch.device) -> torch.dtype:
    """Returns what the encoder computes in: bfloat16 where asked for, or where `auto` finds it fast."""
    if config.precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


class GradientEngine:
    """Computes the contrastive loss of a worker's share of a batch and adds its gradient to the encoder's."""

    def __init__(self, encoder: Encoder, tokens: Tokens, config: TrialConfig, worker: Worker) -> None:
        self._encoder = torch.compile(encoder, dynamic=True) if config.compute.compile else encoder
        self._tokens = tokens
        self._config = config
        self._worker = worker
        self._precision = resolve_precision(config.compute, worker.device)
        self._generator = _global_generator(worker.device)
        # Whole tensor-core tiles.
        self._multiple_of = 8 if worker.device.type == "cuda" else 1
        self._cost = pass_cost(encoder, encoder.dimension, worker.device)
        self._query_lengths, self._passage_lengths = tokens.queries.lengths, tokens.passages.lengths

    def add_gradient(self, share: Batch, step: int) -> Tensor:
        """Adds the gradient and returns this worker's part of the loss, a scalar without history.

        The parts, and the gradients, sum over the workers to those of the global batch. The embeddings of all chunks
        but the last are computed twice: once without history, for the loss and its gradient with respect to them, and
        once per chunk to carry that on to the weights (GradCache, arXiv 2101.06983).
        """
        texts = _Texts.of(share)
        *cached, last = chunks = self._chunks(texts)
        embeddings = [part.requires_grad_() for part in self._without_history(texts, cached, step)]
        loss = self._loss([*embeddings, self._embed(texts, last, step)], chunks, share)
        loss.backward()
        for chunk, part in zip(cached, embeddings, strict=True):
            self._embed(texts, chunk, step).backward(part.grad)
        return loss.detach()

    @torch.no_grad()
    def loss(self, share: Batch, step: int) -> Tensor:
        """Returns this worker's part of the loss with the dropout that `add_gradient` had; no gradient is added."""
        texts = _Texts.of(share)
        chunks = self._chunks(texts)
        return self._loss(self._without_history(texts, chunks, step), chunks, share)

    def _loss(self, embeddings: Sequence[Tensor], chunks: Sequence[_Chunk], share: Batch) -> Tensor:
        """The loss of the embeddings of all chunks, whose rows are put back into the order of the texts."""
        rows = np.concatenate([rectangle for chunk in chunks for rectangle in chunk.rectangles])
        place = np.empty_like(rows)
        place[rows] = np.arange(len(rows))
        in_order = torch.cat(list(embeddings)).index_select(0, self._move(torch.from_numpy(place)))
        pairs = len(share)
        queries, passages, found = in_order.split([pairs, pairs, len(rows) - 2 * pairs])
        negatives, present = self._negatives(found, share)
        return contrastive_loss(
            queries,
            passages,
            self._config.loss.temperature,
            negatives=negatives,
            present=present,
            symmetric=self._config.loss.symmetric,
            worker=self._worker,
        )

    def _negatives(self, found: Tensor, share: Batch) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """The embeddings of explicit negatives, [n, h, d], zero where there is none, and where there is one, [n, h]."""
        there = share.negative_text >= 0
        if not there.shape[1]:
            return None, None
        places = self._move(torch.from_numpy(np.flatnonzero(there)))
        all_of_them = found.new_zeros(there.size, found.shape[1]).index_copy(0, places, found)
        return all_of_them.view(*there.shape, -1), self._move(torch.from_numpy(there))

    def _chunks(self, texts: _Texts) -> list[_Chunk]:
        lengths = np.concatenate([self._query_lengths[texts.query], self._passage_lengths[texts.passage]])
        compute = self._config.compute
        found = chunks_of_rectangles(
            lengths, compute.gradient_accumulation, compute.rectangles, self._cost, self._multiple_of
        )
        firsts = np.cumsum([0, *map(len, found)]).tolist()
        # In a rectangle queries stand before passages.
        return [_Chunk(first, [np.sort(rows) for rows in chunk]) for first, chunk in zip(firsts, found, strict=False)]

    @torch.no_grad()
    def _without_history(self, texts: _Texts, chunks: Sequence[_Chunk], step: int) -> list[Tensor]:
        return [self._embed(texts, chunk, step) for chunk in chunks]

    def _embed(self, texts: _Texts, chunk: _Chunk, step: int) -> Tensor:
        """The embeddings of a chunk, float32 [rows, d], one rectangle after the other."""
        parts = []
        for number, rows in enumerate(chunk.rectangles, chunk.first):
            self._generator.manual_seed(_dropout_seed(self._config.seed, self._worker.rank, (step, number)))
            with self._mixed_precision():
                parts.append(self._encoder(*self._padded(texts, rows)).float())
        return torch.cat(parts)

    def _mixed_precision(self) -> AbstractContextManager[None]:
        if self._precision == torch.float32:
            return nullcontext()
        return torch.autocast(self._worker.device.type, self._precision)

    def _padded(self, texts: _Texts, rows: Rows) -> tuple[Tensor, Tensor]:
        """Ids and mask of a rectangle."""
        pairs = len(texts.query)
        is_query = rows < pairs
        sides = (
            (self._tokens.queries, self._query_lengths, texts.query[rows[is_query]]),
            (self._tokens.passages, self._passage_lengths, texts.passage[rows[~is_query] - pairs]),
        )
        longest = max(int(lengths[part].max(initial=0)) for _, lengths, part in sides)
        width = -(-longest // self._multiple_of) * self._multiple_of
        padded = [pad(table, part, self._tokens.pad_id, width) for table, _, part in sides if len(part)]
        ids, mask = (torch.cat(parts) for parts in zip(*padded, strict=True))
        return self._move(ids), self._move(mask)

    def _move(self, tensor: Tensor) -> Tensor:
        return moved(tensor, self._worker.device)


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
