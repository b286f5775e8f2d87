"""What a trial will cost, before it starts: rough, and said to be so."""

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from study.cluster.resources import Resources
from study.cost.rental import HERE, Rental
from study.cost.worker import DRIVER_GIB, WorkerMemory
from trainables.config import TrialConfig
from trainables.encoders.base import Shape
from trainables.encoders.footprint import shape_of
from trainables.inputs import TokenisedTexts
from trainables.memory import held_gib
from trainables.step_memory import StepMemory

_EFFICIENCY = 0.35
"""Share of the speed of a large matrix product that training reaches here."""

_SECONDS_PER_TRIAL = 1.0
"""Fixed cost of a trial: start, batches planned, report, records."""


_UPDATE = {"cpu": 3.5e-9, "cuda": 2e-11}
"""Seconds of a step per trained weight, whatever the texts: a gradient is written and clipped, AdamW reads and writes.

Measured on one core, with 16 and 64 million weights; of a GPU 48 bytes per weight at 2.4 TB/s, from data sheets."""


@dataclass(frozen=True)
class Estimate:
    """Memory of one worker and seconds of one trial."""

    shape: Shape
    step: StepMemory
    memory_gib: float
    """Of the process and its step on a CPU, of the GPU where there is one."""
    trial_seconds: float
    flops: float
    """Operations per second that a worker is taken to reach."""
    fit: str
    """Whether the GPU that was named holds it, and what would make it fit; empty if none was named."""


def estimate(
    config: TrialConfig,
    texts: TokenisedTexts,
    resources: Resources,
    negatives: float = 0.0,
    rental: Rental = HERE,
) -> Estimate:
    """Estimates from the encoder's shape, the lengths of the texts, and a speed: said, of a GPU, or measured here.

    The optimiser takes its own time, which follows from the weights that are trained.

    Args:
        config: the trial.
        texts: tokens of the training texts, the dev set and the benchmarks.
        resources: workers of the trial, with their threads and accelerators.
        negatives: explicit negatives per pair.
        rental: the GPUs that are planned for.
    """
    on_gpu = rental.gpu is not None or resources.gpus_per_worker > 0
    worker = WorkerMemory(config, texts, negatives, gpu=rental.gpu, on_gpu=on_gpu)
    chunks = config.compute.gradient_accumulation
    step = worker.peak(resources.workers, chunks)
    shape = worker.shape
    flops = rental.reached(worker.precision == torch.float32) or _EFFICIENCY * _operations_per_second(
        resources.threads, resources.gpus_per_worker > 0
    )
    queries, passages = (shape_of(side) for side in worker.skeleton.sides)
    operations = _operations(config, queries, passages, texts, negatives)
    divided = resources.workers if config.compute.parallel == "sharded" else 1
    updates = config.steps * shape.trained / divided * _UPDATE["cuda" if on_gpu else "cpu"]
    return Estimate(
        shape,
        step,
        step.total / 2**30 + (DRIVER_GIB if on_gpu else held_gib()),
        _SECONDS_PER_TRIAL + operations / (flops * resources.workers) + updates,
        flops,
        _fit(worker, rental, resources.workers, chunks, step) if rental.gpu is not None else "",
    )


def _operations(config: TrialConfig, queries: Shape, passages: Shape, texts: TokenisedTexts, negatives: float) -> float:
    """Of a trial. A weight takes 2 per token forward, 2 backward, and 2 more for its gradient if it is trained.

    Attention takes 4 · width per layer, token and token attended to, forward, and twice as many backward.
    """
    chunks = config.compute.gradient_accumulation
    # What is not kept is encoded again: chunks but the last, and every layer that recomputes its activations.
    again = 2 * (chunks - 1) / chunks + 2 * config.compute.activation_checkpointing
    per_pair, evaluated, benchmarks = 0.0, 0.0, (texts.dev, *texts.tests)
    for shape, table, judged, share in (
        (queries, texts.queries, [one.queries for one in benchmarks], 1.0),
        (passages, texts.passages, [one.candidates for one in benchmarks], 1 + negatives),
    ):
        body = max(1, shape.parameters - shape.embeddings)
        trained = body if shape.trained > body else shape.trained
        attention = 4 * shape.layers * shape.width
        weights = (4 + again) * body + 2 * trained
        lengths = table.lengths[table.lengths > 0].astype(np.float64)
        per_pair += share * float((weights * lengths + (3 + again / 2) * attention * lengths**2).mean())
        for one in judged:
            lengths = one.lengths.astype(np.float64)
            evaluated += float((2 * body * lengths + attention * lengths**2).sum())
    return config.steps * config.batches.size * per_pair + evaluated


def _fit(worker: WorkerMemory, rental: Rental, workers: int, chunks: int, step: StepMemory) -> str:
    gpu = rental.gpu
    if gpu is None:
        return ""
    used = f"{step.total / 2**30 + DRIVER_GIB:.1f} of {gpu.gib:.1f} GiB of one {gpu.name}"
    if worker.fits(gpu, workers, chunks):
        fewest = next(n for n in range(1, workers + 1) if workers % n == 0 and worker.fits(gpu, n, chunks))
        enough = f"; {fewest} would be enough" if fewest < workers else ""
        return f"{used}: fits on {workers}{enough}"
    remedies = worker.smallest(gpu, workers, chunks)
    would = f"it would with {', or with '.join(remedies)}" if remedies else "nothing but a larger GPU would make it fit"
    return f"{used}: does not fit on {workers}; {would}"


@cache
def _operations_per_second(own_threads: int, on_gpu: bool) -> float:
    device = "cuda" if on_gpu and torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    size = 4096 if device == "cuda" else 512
    threads = torch.get_num_threads()
    torch.set_num_threads(own_threads)
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
