"""The loss of a batch and its gradient, in one go or chunk by chunk with cached gradients.

Texts are encoded in rectangles of like length. A chunk is a few rectangles, and without caching there is one chunk.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainables.batches.batch import Batch
from trainables.config import TrialConfig
from trainables.encoders.attention import attend_without_waiting
from trainables.encoders.base import SHORTEST
from trainables.encoders.model import Encoder
from trainables.encoders.packing import Packing
from trainables.encoders.tokens import TokenTable, moved, pad
from trainables.errors import UserError
from trainables.parallel.strategy import Parallel
from trainables.training.config import ComputeConfig
from trainables.training.loss import contrastive_loss
from trainables.training.out_of_memory import Agreement, TooLargeStepError, is_out_of_memory
from trainables.training.rectangles import Rows, chunks_of_rectangles, equally_many, is_worth_packing, pass_cost
from trainables.training.remedies import or_recompute, smaller_model

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)


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

    def __len__(self) -> int:
        return len(self.query) + len(self.passage)


@dataclass(frozen=True, eq=False)
class _Chunk:
    """What is encoded between two backward passes: rectangles of texts, with the number of the first in its batch."""

    first: int
    rectangles: list[Rows]


def resolve_precision(config: ComputeConfig, device: torch.device) -> torch.dtype:
    """Returns what the encoder computes in on a device of this machine."""
    is_fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return chosen_precision(config, bfloat16_is_fast=is_fast)


def chosen_precision(config: ComputeConfig, *, bfloat16_is_fast: bool) -> torch.dtype:
    """Returns what the encoder computes in: bfloat16 where asked for, or where `auto` finds it fast."""
    is_half = bfloat16_is_fast if config.precision == "auto" else config.precision == "bfloat16"
    return torch.bfloat16 if is_half else torch.float32


def packs(encoder: Encoder, config: ComputeConfig, precision: torch.dtype, *, on_gpu: bool, is_recent: bool) -> bool:
    """Returns whether the texts of a chunk are packed.

    Args:
        encoder: its texts, and
        config: whether they should be.
        precision: of the encoder.
        on_gpu: whether it computes on a GPU, and
        is_recent: on one that has what flash attention needs.

    Raises:
        UserError: they should be, and cannot.
    """
    has_kernel = on_gpu and is_recent and precision == torch.bfloat16
    if config.packing == "off":
        return False
    if config.packing == "auto":
        # A processor that computes in bfloat16 does so fast, and would wait for calls.
        plain = precision == torch.float32 and not config.compile
        return encoder.can_pack and (has_kernel if on_gpu else plain and _is_worth_packing(encoder))
    if not encoder.can_pack:
        raise UserError(
            f"compute.packing is on, but texts of {encoder.config.name!r} are not known to keep their vectors in a row "
            "of several: set it to auto or off."
        )
    if on_gpu and not has_kernel:
        remedy = "compute.precision to bfloat16, or compute.packing to auto" if is_recent else "compute.packing to auto"
        raise UserError(
            "compute.packing is on, but attention without padding takes bfloat16 on GPUs of compute capability 8.0 and "
            f"more: set {remedy}."
        )
    return True


def _is_worth_packing(encoder: Encoder) -> bool:
    return is_worth_packing(encoder, encoder.dimension, encoder.transformer.config.num_hidden_layers)


def is_recent_gpu(device: torch.device) -> bool:
    """Returns whether a GPU of this machine has what flash attention needs."""
    return torch.cuda.get_device_capability(device) >= (8, 0)


class GradientEngine:
    """Computes the contrastive loss of a worker's share of a batch and adds its gradient to the encoder's."""

    def __init__(self, encoder: Encoder, tokens: Tokens, config: TrialConfig, parallel: Parallel) -> None:
        self._encoder = encoder
        self._parameters = list(encoder.parameters())
        self._tokens = tokens
        self._config = config
        self._parallel, self._worker = parallel, parallel.worker
        self._precision = resolve_precision(config.compute, self._worker.device)
        self._generator = _global_generator(self._worker.device)
        on_gpu = self._worker.device.type == "cuda"
        self._packs = packs(
            encoder,
            config.compute,
            self._precision,
            on_gpu=on_gpu,
            is_recent=on_gpu and is_recent_gpu(self._worker.device),
        )
        if self._packs:
            attend_without_waiting(encoder)
        self._most_rectangles = 1 if self._packs else config.compute.rectangles
        # Whole tensor-core tiles.
        self._multiple_of = 8 if on_gpu else 1
        self._cost = pass_cost(encoder, encoder.dimension, self._worker.device)
        self._query_lengths, self._passage_lengths = tokens.queries.lengths, tokens.passages.lengths
        self._agreement = Agreement(self._worker)
        self.chunks = config.compute.gradient_accumulation
        """Chunks in which a worker encodes its share of a batch: as many as are asked for, until memory runs out."""

    def add_gradient(self, batch: Batch, step: int) -> Tensor:
        """Adds the gradient of a global batch and returns this worker's part of the loss, a scalar without history.

        The parts, and the gradients, sum over the workers to those of the batch. The embeddings of all chunks but the
        last are computed twice: once without history, for the loss and its gradient with respect to them, and once per
        chunk to carry that on to the weights (GradCache, arXiv 2101.06983).

        If any worker runs out of memory, all gradients are dropped, those of batches before this one among them, and
        all workers try again with twice as many chunks: whoever adds up batches sees `chunks` grow, and begins again.

        Raises:
            UserError: not even one text at a time fits into memory.
            TooLargeStepError: the workers cannot try again, as of sharded weights.
        """
        shares = self._shares(batch)
        while (loss := self._tried(shares, step)) is None:
            if (more := self._more_chunks(shares)) is None:
                raise self._too_large(shares[self._worker.rank])
            self.chunks = more
            _logger.warning("memory ran out at step %d: batches are now encoded in %d chunks", step, self.chunks)
        return loss

    def _tried(self, shares: Sequence[Batch], step: int) -> Tensor | None:
        """The loss, its gradient having been added; None, and no gradients, if memory ran out."""
        share = shares[self._worker.rank]
        texts = _Texts.of(share)
        *cached, last = chunks = self._chunks(shares)

        def encoded() -> list[Tensor]:
            return [*self._without_history(texts, cached, step), self._embed(texts, last, step)]

        def differentiated(leaves: Sequence[Tensor]) -> Tensor:
            loss = self._loss(leaves, chunks, share)
            loss.backward()
            return loss.detach()

        def carried_on(parts: Sequence[Tensor], leaves: Sequence[Tensor]) -> bool:
            parts[-1].backward(leaves[-1].grad)
            for chunk, leaf in zip(cached, leaves, strict=False):
                self._embed(texts, chunk, step).backward(leaf.grad)
            return True

        parts = self._unless_memory_runs_out(shares, encoded)
        if parts is None:
            return None
        leaves = [part.detach().requires_grad_() for part in parts]
        loss = self._unless_memory_runs_out(shares, lambda: differentiated(leaves), others_wait=True)
        if loss is None or self._unless_memory_runs_out(shares, lambda: carried_on(parts, leaves)) is None:
            self._forget_gradients()
            return None
        return loss

    def _more_chunks(self, shares: Sequence[Batch]) -> int | None:
        """Twice as many chunks; None where they hold a single text each."""
        texts = [len(_Texts.of(share)) for share in shares]
        # Workers that pass together have equally many chunks, and none of them is empty.
        most = min(texts) if self._parallel.passes_together else max(texts)
        return None if self.chunks >= most else min(2 * self.chunks, most)

    def _unless_memory_runs_out(
        self, shares: Sequence[Batch], compute: Callable[[], Result], *, others_wait: bool = False
    ) -> Result | None:
        """What `compute` returns; None, on all workers, if the memory of any did not suffice.

        Args:
            shares: what the workers encode of the batch.
            compute: part of a step.
            others_wait: whether the other workers may be waiting for this one inside of `compute`.
        """
        found = None
        try:
            found = compute()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if self._parallel.passes_together or (others_wait and self._worker.world > 1):
                raise self._not_tried_again(shares) from error
        if found is None and self._worker.device.type == "cuda":
            torch.cuda.empty_cache()
        if others_wait or self._parallel.passes_together:
            return found
        return None if self._agreement.anybody(found is None) else found

    def _not_tried_again(self, shares: Sequence[Batch]) -> UserError:
        """The error where the workers cannot agree on anything any more."""
        said = (
            f"Memory ran out in a batch of {self._config.batches.size} pairs, of which a worker encodes its share in "
            f"{self.chunks} chunks, at a place where a step cannot be tried again"
        )
        if (more := self._more_chunks(shares)) is None:
            return UserError(
                f"{said}, and each of them holds one text: set encoder.max_query_length and "
                f"encoder.max_passage_length to less{or_recompute(self._config)}, or "
                f"{smaller_model(self._config, self._precision)}."
            )
        return TooLargeStepError(f"{said}: begin again with {more} chunks.", more)

    def _too_large(self, share: Batch) -> UserError:
        """The error for a text that does not fit into memory by itself, with the length of one that does."""
        texts = _Texts.of(share)
        longest = int(max(self._query_lengths[texts.query].max(), self._passage_lengths[texts.passage].max()))
        fitting = longest // 2
        while fitting >= SHORTEST and not self._fits(fitting):
            fitting //= 2
        fitting = self._agreement.least(fitting)
        said = f"One text of {longest} tokens does not fit into memory by itself"
        if fitting < SHORTEST:
            return UserError(f"{said}, and none of {SHORTEST} does: {smaller_model(self._config, self._precision)}.")
        return UserError(
            f"{said}, and one of {fitting} does: set encoder.max_query_length and encoder.max_passage_length to at "
            f"most {fitting}{or_recompute(self._config)}."
        )

    def _fits(self, length: int) -> bool:
        """Whether a text of so many tokens goes through the encoder, forward and backward."""
        # One that a text has: of a trimmed vocabulary not every id is there.
        used = max(int(table.ids.max()) for table in (self._tokens.queries, self._tokens.passages))
        ids = torch.full((1, length), used, device=self._worker.device)
        try:
            with self._mixed_precision():
                self._encoder(ids, torch.ones_like(ids, dtype=torch.bool)).float().sum().backward()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            self._forget_gradients()
        return True

    def _forget_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def loss(self, batch: Batch, step: int) -> Tensor:
        """Returns this worker's part of the loss with the dropout that `add_gradient` had; no gradient is added."""
        shares = self._shares(batch)
        share = shares[self._worker.rank]
        chunks = self._chunks(shares)
        return self._loss(self._without_history(_Texts.of(share), chunks, step), chunks, share)

    def _shares(self, batch: Batch) -> list[Batch]:
        """What each worker encodes of a batch."""
        return [batch.shard(rank, self._worker.world) for rank in range(self._worker.world)]

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
            negative_pool=self._config.loss.negative_pool,
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

    def _chunks(self, shares: Sequence[Batch]) -> list[_Chunk]:
        """How this worker's share is cut; equally often on every worker where their forward passes need each other."""
        lengths = [self._lengths(_Texts.of(share)) for share in shares]
        own, most = self._worker.rank, self._most_rectangles
        if self._parallel.passes_together:
            found = equally_many(lengths, own, self.chunks, most, self._cost, self._multiple_of)
        else:
            found = chunks_of_rectangles(lengths[own], self.chunks, most, self._cost, self._multiple_of)
        firsts = np.cumsum([0, *map(len, found)]).tolist()
        # In a rectangle queries stand before passages.
        return [_Chunk(first, [np.sort(rows) for rows in chunk]) for first, chunk in zip(firsts, found, strict=False)]

    def _lengths(self, texts: _Texts) -> npt.NDArray[np.int64]:
        return np.concatenate([self._query_lengths[texts.query], self._passage_lengths[texts.passage]])

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

    def _padded(self, texts: _Texts, rows: Rows) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Packing]:
        """Ids and mask of a rectangle, and its packing if texts are packed."""
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
        if not self._packs:
            return self._move(ids), self._move(mask)
        lengths = np.concatenate([lengths[part] for _, lengths, part in sides])
        packing = Packing.of(lengths, ids.shape[1])
        places, starts = self._move(packing.places), self._move(packing.starts)
        return self._move(ids), self._move(mask), Packing(places, starts, packing.longest)

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
