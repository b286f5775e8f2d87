"""The memory of a worker for a trial's texts, and what would make it fit a GPU."""

import math
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np
import torch

from study.cost.gpus import Gpu
from trainables.config import TrialConfig
from trainables.encoders.base import Shape
from trainables.encoders.footprint import Footprint, footprint, shape_of
from trainables.encoders.model import Encoder
from trainables.encoders.vocabulary import trim_where_told
from trainables.inputs import TokenisedTexts
from trainables.step_memory import Rectangle, StepMemory, step_memory
from trainables.training.config import ComputeConfig
from trainables.training.gradient import chosen_precision, is_recent_gpu, packs
from trainables.training.rectangles import PassCost, chunks_of_rectangles, pass_cost
from trainables.training.remedies import sharding_flags

_TEXTS_DRAWN = 4000
_MOST_DRAWS = 20
"""Texts of random batches, and how many batches, of which the one that takes most memory is told."""

_TILE = 8
"""Tokens to which a GPU's rectangles are rounded up (trainables.training.gradient)."""

_MOST_WORKERS = 1024

DRIVER_GIB = 1.0
"""What the kernels of PyTorch and its libraries take of a GPU before anything is computed."""


def planned_precision(compute: ComputeConfig, gpu: Gpu | None, *, on_gpu: bool) -> torch.dtype:
    """Returns what an encoder computes in on the GPU that is planned for (see `WorkerMemory`)."""
    return chosen_precision(compute, bfloat16_is_fast=on_gpu and _is_recent(gpu))


def packs_as_planned(encoder: Encoder, compute: ComputeConfig, gpu: Gpu | None, *, on_gpu: bool) -> bool:
    """Returns whether texts are packed on the GPU that is planned for; raises UserError if they should be, and cannot
    with this encoder, precision or GPU."""
    precision = planned_precision(compute, gpu, on_gpu=on_gpu)
    return packs(encoder, compute, precision, on_gpu=on_gpu, is_recent=_is_recent(gpu))


def _is_recent(gpu: Gpu | None) -> bool:
    """Whether a GPU has bfloat16 and flash attention, which came together. If none is named, it is one of those here;
    where there are none, one that has both."""
    if gpu is not None:
        return gpu.bfloat16 is not None
    return not torch.cuda.is_available() or is_recent_gpu(torch.device("cuda"))


class WorkerMemory:
    """The peak of a training step of a worker, by how many there are and in how many chunks each encodes."""

    def __init__(self, config: TrialConfig, texts: TokenisedTexts, negatives: float, *, gpu: Gpu | None, on_gpu: bool):
        """Args:
        config: the trial.
        texts: tokens of its training texts.
        negatives: explicit negatives per pair.
        gpu: the GPU that is planned for, if one is named.
        on_gpu: whether it trains on one.
        """
        self._config, self._negatives, self._on_gpu = config, negatives, on_gpu
        self._sides = [table.lengths[table.lengths > 0] for table in (texts.queries, texts.passages)]
        self._pieces = texts.pieces
        self._vocabulary = len(texts.tokenizer)
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._gpu = gpu
        self.precision = planned_precision(config.compute, gpu, on_gpu=on_gpu)
        self._footprint = lru_cache(self._traced)

    @cached_property
    def skeleton(self) -> Encoder:
        """The encoder as it is trained, without its numbers."""
        found = self._config.encoder.skeleton(self._vocabulary)
        trim_where_told(found, self._config.compute.trim_vocabulary, self._pieces)
        return found

    @cached_property
    def shape(self) -> Shape:
        """Its size."""
        return shape_of(self.skeleton)

    @cached_property
    def _packs(self) -> bool:
        return packs_as_planned(self.skeleton, self._config.compute, self._gpu, on_gpu=self._on_gpu)

    @cached_property
    def _cost(self) -> PassCost:
        return pass_cost(self.skeleton, self.skeleton.dimension, self._device)

    def _traced(self, checkpointing: bool) -> Footprint:
        return footprint(
            self.skeleton, self.precision, on_gpu=self._on_gpu, checkpointing=checkpointing, packed=self._packs
        )

    def peak(
        self, workers: int, chunks: int, *, sharded: bool | None = None, checkpointing: bool | None = None
    ) -> StepMemory:
        """The peak of the batch that takes most of some random ones; None: sharded, or recomputed, as the trial is."""
        compute = self._config.compute
        sharded = compute.parallel == "sharded" if sharded is None else sharded
        checkpointing = compute.activation_checkpointing if checkpointing is None else checkpointing
        share = math.ceil(self._config.batches.size / workers)
        texts = round((1 + self._negatives) * share)
        generator = np.random.default_rng(0)
        found = [
            step_memory(
                self.shape,
                self._footprint(checkpointing),
                division,
                dimension=self.skeleton.dimension,
                queries=share,
                candidates=texts * workers,
                workers=workers,
                sharded=sharded,
                unsharded_bytes=self.precision.itemsize,
            )
            for division in self._divisions(generator, (share, texts), chunks)
        ]
        return max(found, key=lambda memory: memory.total)

    def _divisions(
        self, generator: np.random.Generator, counts: tuple[int, int], chunks: int
    ) -> Iterator[list[list[Rectangle]]]:
        """Chunks of rectangles of random batches."""
        tile = _TILE if self._on_gpu else 1
        most = 1 if self._packs else self._config.compute.rectangles
        for _ in range(max(1, min(_MOST_DRAWS, _TEXTS_DRAWN // sum(counts)))):
            drawn = [generator.choice(side, count) for side, count in zip(self._sides, counts, strict=True)]
            lengths = np.concatenate(drawn)
            found = chunks_of_rectangles(lengths, chunks, most, self._cost, tile)
            yield [[Rectangle.of(lengths[rows], tile, packed=self._packs) for rows in chunk] for chunk in found]

    def fits(
        self, gpu: Gpu, workers: int, chunks: int, *, sharded: bool | None = None, checkpointing: bool | None = None
    ) -> bool:
        """Whether a GPU holds a worker."""
        step = self.peak(workers, chunks, sharded=sharded, checkpointing=checkpointing)
        return step.total / 2**30 + DRIVER_GIB <= gpu.gib

    def smallest(self, gpu: Gpu, workers: int, chunks: int) -> list[str]:
        """The least of each remedy that makes a worker fit and that the other options allow; empty if none does."""
        batch = self._config.batches.size
        most = min(batch, _MOST_WORKERS)
        more_workers = [n for n in range(workers + 1, most + 1) if batch % n == 0]
        more_chunks = [chunks * 2**k for k in range(1, 20) if chunks * 2**k <= batch // workers]
        several = [n for n in range(max(2, workers), most + 1) if batch % n == 0]
        found = []
        if (n := next((n for n in more_workers if self.fits(gpu, n, chunks)), None)) is not None:
            found.append(f"--workers-per-trial {n}")
        if (n := next((n for n in more_chunks if self.fits(gpu, workers, n)), None)) is not None:
            found.append(f"--gradient-accumulation {n}")
        can_recompute = self._config.encoder.has_layers and not self._config.compute.activation_checkpointing
        if can_recompute and self.fits(gpu, workers, chunks, checkpointing=True):
            found.append("--set compute.activation_checkpointing=true")
        flags = sharding_flags(self._config, self.precision)
        if flags is None:
            return found
        if (n := next((n for n in several if self.fits(gpu, n, chunks, sharded=True)), None)) is not None:
            found.append(f"{flags} --workers-per-trial {n}".strip())
        elif (n := next((n for n in several if self.fits(gpu, n, batch // n, sharded=True)), None)) is not None:
            found.append(f"{flags} --workers-per-trial {n} --gradient-accumulation {batch // n}".strip())
        # Where it is sharded already, more workers have been named.
        return list(dict.fromkeys(found))
