"""What a study will cost, before it starts: rough, and said to be so."""

import time
from dataclasses import dataclass
from functools import cache

import torch

from study.cluster.resources import Resources
from trainables.config import TrialConfig
from trainables.inputs import TokenisedTexts

_BYTES_PER_TRAINED_PARAMETER = 16
"""float32 weight, gradient and two moments of AdamW."""

_ACTIVATION_VALUES_PER_TOKEN_AND_LAYER = 34
"""Values of the model's width that a transformer layer keeps for its backward pass (Korthikanti et al., 2022)."""

_EFFICIENCY = 0.35
"""Share of the speed of a large matrix product that training reaches."""

_SECONDS_PER_TRIAL = 1.0
"""Fixed cost of a trial: start, batches planned, report, records."""


@dataclass(frozen=True)
class Estimate:
    """Memory of one worker in GiB and seconds of one trial."""

    parameters: int
    memory_gib: float
    trial_seconds: float


def estimate(config: TrialConfig, texts: TokenisedTexts, resources: Resources) -> Estimate:
    """Estimates from the encoder's shape, the lengths of the texts, and a matrix product timed here."""
    shape = config.encoder.shape(len(texts.tokenizer))
    pair_tokens = float(texts.queries.lengths.mean() + texts.passages.lengths.mean())
    worker_pairs = config.batches.size / resources.workers / config.compute.gradient_accumulation
    per_token = shape.layers * shape.width * _ACTIVATION_VALUES_PER_TOKEN_AND_LAYER * 4
    memory = shape.parameters * _BYTES_PER_TRAINED_PARAMETER + worker_pairs * pair_tokens * per_token
    # Forward and backward cost 6 operations per weight and token; an encoding pass costs 2.
    weights = max(1, shape.parameters - shape.embeddings)
    encoded = sum(len(t.queries.ids) + len(t.candidates.ids) for t in (texts.dev, *texts.tests))
    pairs = config.steps * config.batches.size
    operations = 6 * weights * pair_tokens * pairs + 2 * weights * encoded
    seconds = operations / (_EFFICIENCY * _operations_per_second(resources) * resources.workers)
    return Estimate(shape.parameters, memory / 2**30, _SECONDS_PER_TRIAL + seconds)


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
