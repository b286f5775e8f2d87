"""What one of two workers does in a test: `python -m tests.trainables.parallel.worker_jobs RANK FOLDER`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn.functional import normalize

from tests.trainables.toy_run import CHAOS, Reports, free_passes, toy_config, toy_data, toy_encoder, toy_tokens, weights
from trainables.batches.planner import BatchPlanner
from trainables.parallel.worker import Worker, from_first, sum_over_workers
from trainables.storage import Folder
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import GradientEngine
from trainables.training.loss import contrastive_loss


def embeddings(negatives: int) -> list[torch.Tensor | None]:
    """Queries and passages [8, 5] and negatives [8, negatives, 5] of a global batch, of length one."""
    generator = np.random.default_rng(7)
    shapes = [(8, 5), (8, 5), (8, negatives, 5)]
    tensors = [normalize(torch.tensor(generator.normal(size=s), dtype=torch.float32), dim=-1) for s in shapes]
    return [*tensors[:2], tensors[2] if negatives else None]


def loss(worker: Worker, folder: Path, negatives: int, symmetric: bool) -> dict[str, torch.Tensor]:
    rows = slice(4 * worker.rank, 4 * worker.rank + 4)
    local = [None if t is None else t[rows].clone().requires_grad_() for t in embeddings(negatives)]
    part = contrastive_loss(local[0], local[1], 0.05, negatives=local[2], symmetric=symmetric, worker=worker)
    part.backward()
    names = ("queries", "passages", "negatives")
    gradients = {name: t.grad for name, t in zip(names, local, strict=True) if t is not None}
    return {"part": part.detach(), "total": sum_over_workers(part.detach(), worker), **gradients}


def gradient(
    worker: Worker, folder: Path, chunks: int, symmetric: bool, negatives: bool = False, rectangles: int = 1
) -> dict[str, torch.Tensor]:
    # Only the first worker has the weights that count.
    encoder = toy_encoder(seed=worker.rank)
    same_weights(encoder, worker)
    data = toy_data(negatives)
    config = toy_config(gradient_accumulation=chunks, symmetric=symmetric, rectangles=rectangles)
    with free_passes():
        engine = GradientEngine(encoder, toy_tokens(data), config, worker)
    share = BatchPlanner(data, config.batches.size, config.seed).batch(3, "cross").shard(worker.rank, worker.world)
    total = sum_over_workers(engine.add_gradient(share, 3), worker)
    sum_gradients(encoder.parameters(), worker)
    return {"total": total, **{name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}}


def training(
    worker: Worker,
    folder: Path,
    knobs: dict[str, Any],
    stops: tuple[int | None, int | None] = (None, None),
    negatives: bool = False,
) -> dict[str, torch.Tensor]:
    data, encoder, sink = toy_data(negatives), toy_encoder(seed=worker.rank), Reports(stops[worker.rank])
    evaluations = 0

    def evaluate(module: torch.nn.Module) -> dict[str, float]:
        nonlocal evaluations
        evaluations += 1
        return {"size": float(sum(p.detach().abs().sum() for p in module.parameters()))}

    summary = fine_tune(
        toy_config(**knobs),
        data,
        toy_tokens(data),
        encoder,
        sink=sink,
        worker=worker,
        evaluate=evaluate,
        # Each worker would see something else; only the first one's may count.
        dev_signals=lambda module, names: dict.fromkeys(names, 0.3 + 0.2 * worker.rank),
        checkpoints=Folder(folder) / "checkpoint",
    )
    told = {"summary": vars(summary), "lines": sink.without_speed(), "evaluations": evaluations}
    Folder(folder).write_json(f"{worker.rank}.json", told)
    return weights(encoder)


def interrupted(worker: Worker, folder: Path) -> dict[str, torch.Tensor]:
    """Stopped after step 8, with a checkpoint of step 4; then started again."""
    knobs = {"evaluate_every": 6, "checkpoint_every": 4, "report_every": 4}
    training(worker, folder, knobs, stops=(8, None))
    return training(worker, folder, knobs)


def shared(worker: Worker, folder: Path) -> dict[str, torch.Tensor]:
    value = from_first({"rank": worker.rank, "text": "แผนที่", "number": 0.1 + 0.2}, worker)
    if value != {"rank": 0, "text": "แผนที่", "number": 0.1 + 0.2}:
        raise ValueError(value)
    return {"sum": sum_over_workers(torch.tensor([1.0, float(worker.rank)]), worker)}


JOBS: dict[str, tuple[Callable[..., dict[str, torch.Tensor]], dict[str, Any]]] = {
    "loss": (loss, {"negatives": 0, "symmetric": False}),
    "loss-negatives-symmetric": (loss, {"negatives": 2, "symmetric": True}),
    "gradient": (gradient, {"chunks": 1, "symmetric": False}),
    "gradient-chunks-symmetric": (gradient, {"chunks": 3, "symmetric": True}),
    "gradient-negatives": (gradient, {"chunks": 1, "symmetric": False, "negatives": True}),
    "gradient-negatives-chunks": (gradient, {"chunks": 3, "symmetric": True, "negatives": True}),
    "gradient-rectangles": (gradient, {"chunks": 1, "symmetric": True, "negatives": True, "rectangles": 3}),
    "gradient-rectangles-chunks": (gradient, {"chunks": 2, "symmetric": False, "negatives": True, "rectangles": 2}),
    "training": (training, {"knobs": {"evaluate_every": 6}}),
    "training-stopped": (training, {"knobs": {"evaluate_every": 6}, "stops": (8, 4)}),
    "training-resumed": (interrupted, {}),
    "training-controlled": (training, {"knobs": {"ratio": CHAOS}}),
    "shared": (shared, {}),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    rank, root = int(sys.argv[1]), Path(sys.argv[2])
    distributed.init_process_group("gloo", init_method=f"file://{root / 'rendezvous'}", rank=rank, world_size=2)
    for name, (job, arguments) in JOBS.items():
        folder = root / name
        folder.mkdir(exist_ok=True)
        torch.save(job(Worker(rank, 2), folder, **arguments), folder / f"{rank}.pt")
    distributed.destroy_process_group()
