"""What a study will cost, before it starts: rough, and said to be so."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from study.cluster.resources import Resources
from trainables.config import TrialConfig
from trainables.encoders.base import Shape
from trainables.inputs import TokenisedTexts
from trainables.memory import held_gib
from trainables.training.config import ComputeConfig
from trainables.training.rectangles import PassCost, chunks_of_rectangles

_BYTES_PER_TRAINED_PARAMETER = 16
"""float32 weight, gradient and two moments of AdamW."""

_EFFICIENCY = 0.35
"""Share of the speed of a large matrix product that training reaches."""

_SECONDS_PER_TRIAL = 1.0
"""Fixed cost of a trial: start, batches planned, report, records."""


_DRAWS = 100


@dataclass(frozen=True)
class Estimate:
    """Memory of one worker in GiB and seconds of one trial.

    A worker holds what this process holds by now, the same libraries and data, and what training adds.
    """

    parameters: int
    memory_gib: float
    trial_seconds: float


def estimate(config: TrialConfig, texts: TokenisedTexts, resources: Resources, negatives: float = 0.0) -> Estimate:
    """Estimates from the encoder's shape, the lengths of the texts, and a matrix product timed here.

    Args:
        config: the trial.
        texts: tokens of the training texts, the dev set and the benchmarks.
        resources: workers of the trial, with their threads and accelerators.
        negatives: explicit negatives per pair.
    """
    shape = config.encoder.shape(len(texts.tokenizer))
    sides = [table.lengths[table.lengths > 0] for table in (texts.queries, texts.passages)]
    pair_tokens = float(sides[0].mean() + (1 + negatives) * sides[1].mean())
    held = shape.parameters
    if config.compute.trim_vocabulary:
        held -= round(shape.embeddings * (1 - len(texts.pieces()) / len(texts.tokenizer)))
    share = math.ceil(config.batches.size / resources.workers)
    counts = (share, round((1 + negatives) * share))
    memory = held * _BYTES_PER_TRAINED_PARAMETER + shape.activation_bytes * _padded(
        sides, counts, shape, config.compute
    )
    # Forward and backward cost 6 operations per weight and token; an encoding pass costs 2.
    weights = max(1, shape.parameters - shape.embeddings)
    encoded = sum(len(t.queries.ids) + len(t.candidates.ids) for t in (texts.dev, *texts.tests))
    pairs = config.steps * config.batches.size
    operations = 6 * weights * pair_tokens * pairs + 2 * weights * encoded
    seconds = operations / (_EFFICIENCY * _operations_per_second(resources) * resources.workers)
    return Estimate(shape.parameters, held_gib() + memory / 2**30, _SECONDS_PER_TRIAL + seconds)


def _padded(
    sides: Sequence[npt.NDArray[np.int64]], counts: Sequence[int], shape: Shape, compute: ComputeConfig
) -> float:
    """The mean number of tokens, padding included, of the largest chunk of random batches.

    Args:
        sides: lengths of the queries, lengths of the passages.
        counts: how many of either a worker encodes.
        shape: of the encoder.
        compute: chunks and rectangles.
    """
    generator, cost = np.random.default_rng(0), PassCost(token=1, attention=6 * shape.width, launch=0)
    largest = []
    for _ in range(_DRAWS):
        lengths = np.concatenate(
            [generator.choice(side, count) for side, count in zip(sides, counts, strict=True)],
        )
        chunks = chunks_of_rectangles(lengths, compute.gradient_accumulation, compute.rectangles, cost)
        largest.append(max(sum(len(rows) * lengths[rows].max() for rows in chunk) for chunk in chunks))
    return float(np.mean(largest))


@cache
def _operations_per_second(resources: Resources) -> float:
    device = "cuda" if resources.gpus_per_worker and torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    size = 4096 if device == "cuda" else 512
    threads = torch.get_num_threads()
    torch.set_num_threads(resources.threads)
    try:
        a = torch.ones(size, size, device=device, dtype=dtype)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            float((a @ a)[0, 0])
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 2 * size**3 / min(times)
