"""What a study will cost, before it starts: rough, and said to be so."""

import math
import time
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from study.cluster.resources import Resources
from trainables.config import TrialConfig
from trainables.encoders.tokens import TokenTable
from trainables.inputs import TokenisedTexts
from trainables.memory import held_gib

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
    pair_tokens = float(texts.queries.lengths.mean() + (1 + negatives) * texts.passages.lengths.mean())
    chunk = math.ceil(config.batches.size / resources.workers / config.compute.gradient_accumulation)
    padded = chunk * (_longest_of(texts.queries, chunk) + (1 + negatives) * _longest_of(texts.passages, chunk))
    memory = shape.parameters * _BYTES_PER_TRAINED_PARAMETER + padded * shape.activation_bytes
    # Forward and backward cost 6 operations per weight and token; an encoding pass costs 2.
    weights = max(1, shape.parameters - shape.embeddings)
    encoded = sum(len(t.queries.ids) + len(t.candidates.ids) for t in (texts.dev, *texts.tests))
    pairs = config.steps * config.batches.size
    operations = 6 * weights * pair_tokens * pairs + 2 * weights * encoded
    seconds = operations / (_EFFICIENCY * _operations_per_second(resources) * resources.workers)
    return Estimate(shape.parameters, held_gib() + memory / 2**30, _SECONDS_PER_TRIAL + seconds)


def _longest_of(texts: TokenTable, number: int) -> float:
    """The mean length in tokens of the longest of so many texts, to which all of them are padded."""
    lengths = np.random.default_rng(0).choice(texts.lengths, (_DRAWS, number))
    return float(lengths.max(axis=1).mean())


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
