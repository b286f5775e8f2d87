"""What one of several workers does in a test: `python -m tests.trainables.parallel.worker_jobs RANK WORLD FOLDER`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import distributed
from torch.nn.functional import normalize

from tests.trainables.toy_run import CHAOS, PAD, Reports, free_passes, toy_config, toy_data, toy_encoder, toy_tokens
from tests.trainables.toy_trial import toy_inputs, toy_trial
from trainables.batches.planner import BatchPlanner
from trainables.encoders.adapters import LoraConfig, with_adapters
from trainables.encoders.model import Encoder
from trainables.encoders.registry import PRESETS
from trainables.evaluation import embedding_file
from trainables.evaluation import encode as encode_module
from trainables.evaluation.encode import encode
from trainables.parallel.parts import gathered
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker, from_first, sum_over_workers
from trainables.storage import Folder
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import GradientEngine
from trainables.training.loss import contrastive_loss
from trainables.trial import TrialOptions, run_trial


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


LORA = LoraConfig(rank=2, targets=("query", "value"))


def built(kind: str, seed: int, dropout: float = 0.0) -> Encoder:
    """A small encoder of two layers."""
    if kind in ("toy", "lora"):
        encoder = toy_encoder(dropout, seed, layers=2)
        if kind == "lora":
            adapted = with_adapters(encoder.transformer, LORA, "toy/toy", None, seed)
            # They add nothing at first, so that half of them would get no gradient.
            for number, (name, parameter) in enumerate(adapted.named_parameters()):
                if "lora_B" in name:
                    draws = np.random.default_rng(100 * seed + number).normal(size=tuple(parameter.shape))
                    parameter.data.copy_(torch.from_numpy(draws))
            encoder = Encoder(adapted, encoder.config).train()
        return encoder
    config = PRESETS[f"mini-{kind}-xs"].config.model_copy(update={"layers": 2, "width": 16, "heads": 2})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Encoder(config.transformer(40, PAD), config).train()


def gradient(
    worker: Worker, folder: Path, chunks: int = 1, negatives: bool = False, kind: str = "toy", **options: Any
) -> dict[str, torch.Tensor]:
    data = toy_data(negatives)
    config = toy_config(gradient_accumulation=chunks, **{"rectangles": 1, **options})
    parallel = parallel_of(config.compute, worker)
    # Only the first worker has the weights that count.
    encoder = parallel.place(lambda: built(kind, seed=worker.rank))
    parallel.same_weights(encoder)
    with free_passes():
        engine = GradientEngine(encoder, toy_tokens(data), config, parallel)
    total = sum_over_workers(
        engine.add_gradient(BatchPlanner(data, config.batches.size, config.seed).batch(3, "cross"), 3), worker
    )
    parallel.sum_gradients(encoder.parameters())
    return {"total": total, **{n: gathered(p.grad) for n, p in encoder.named_parameters() if p.grad is not None}}


def short_of_memory(worker: Worker, folder: Path) -> dict[str, torch.Tensor]:
    """The second worker has no room for more than three texts."""
    config = toy_config(rectangles=1)
    encoder = built("toy", seed=0)

    def check(module: torch.nn.Module, inputs: Any) -> None:
        if worker.rank == 1 and len(inputs[0]) > 3:
            raise torch.OutOfMemoryError

    encoder.register_forward_pre_hook(check)
    parallel = parallel_of(config.compute, worker)
    engine = GradientEngine(encoder, toy_tokens(toy_data()), config, parallel)
    batch = BatchPlanner(toy_data(), config.batches.size, config.seed).batch(3, "cross")
    total = sum_over_workers(engine.add_gradient(batch, 3), worker)
    parallel.sum_gradients(encoder.parameters())
    chunks = torch.tensor(engine.chunks)
    return {
        "chunks": chunks,
        "total": total,
        **{n: p.grad for n, p in encoder.named_parameters() if p.grad is not None},
    }


def kept(worker: Worker, folder: Path, kind: str) -> dict[str, torch.Tensor]:
    """Writes the encoder as a trained one is written."""
    parallel = parallel_of(toy_config(**SHARDED).compute, worker)
    found = parallel.whole(parallel.place(lambda: built(kind, worker.rank)), lambda: built(kind, 0))
    if found is not None:
        found.transformer.save_pretrained(folder / "kept")
    return {}


def training(
    worker: Worker,
    folder: Path,
    knobs: dict[str, Any],
    stops: tuple[int | None, ...] = (),
    negatives: bool = False,
    kind: str = "toy",
) -> dict[str, torch.Tensor]:
    data, sink = toy_data(negatives), Reports(dict(enumerate(stops)).get(worker.rank))
    config = toy_config(**knobs)
    encoder = parallel_of(config.compute, worker).place(lambda: built(kind, seed=worker.rank))
    evaluations = 0

    def evaluate(module: torch.nn.Module) -> dict[str, float]:
        nonlocal evaluations
        evaluations += 1
        return {"size": float(sum(gathered(p.detach().abs().sum()) for p in module.parameters())) + worker.rank}

    summary = fine_tune(
        config,
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
    return {name: gathered(parameter.detach()).clone() for name, parameter in encoder.named_parameters()}


def interrupted(
    worker: Worker, folder: Path, kind: str = "toy", knobs: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, torch.Tensor]:
    """Stopped after step 8, with a checkpoint of step 4; then started again."""
    often = {"evaluate_every": 6, "checkpoint_every": 4, "report_every": 4, **knobs}
    training(worker, folder, often, stops=(8,), kind=kind)
    return training(worker, folder, often, kind=kind)


def held(worker: Worker, folder: Path) -> dict[str, torch.Tensor]:
    """A confirm trial from start to end, which leaves its encoder for the measure phase and keeps it."""
    trial = toy_trial(phase="confirm", **HELD_TRIAL)
    inputs = toy_inputs().of(trial.config.encoder)
    run_trial(trial, inputs, Folder(folder) / "trial", worker, TrialOptions(keep_encoder=True, hold=True))
    return {}


def whole(worker: Worker, folder: Path, kind: str) -> dict[str, torch.Tensor]:
    """What is written of an encoder whose parts hold the number of their worker, from 1 on."""
    parallel = parallel_of(toy_config(**SHARDED).compute, worker)
    encoder = parallel.place(lambda: built(kind, seed=worker.rank))
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            parameter.detach().to_local().fill_(worker.rank + 1)
    found = parallel.whole(encoder, lambda: built(kind, seed=0))
    return {} if found is None else found.state_dict()


def placed(worker: Worker, folder: Path, kind: str) -> dict[str, torch.Tensor]:
    """Weights and buffers as the workers got them, and the largest share of the weights that a worker holds."""
    encoder = parallel_of(toy_config(**SHARDED).compute, worker).place(lambda: built(kind, seed=worker.rank))
    held = sum(parameter.to_local().numel() for parameter in encoder.parameters())
    tensors = (*encoder.named_parameters(remove_duplicate=False), *encoder.named_buffers())
    found = {name: gathered(tensor.detach()) for name, tensor in tensors}
    return {**found, "share": torch.tensor(held / sum(p.numel() for p in encoder.parameters()))}


def encoded(worker: Worker, folder: Path, knobs: dict[str, Any], large: bool = False) -> dict[str, torch.Tensor]:
    """Embeddings of all texts, some of which are equal, in small batches, before and after a step."""
    data = toy_data()
    config = toy_config(batch_size=8, **knobs)
    parallel = parallel_of(config.compute, worker)
    encoder = parallel.place(lambda: built("toy", seed=0, dropout=0.3))
    tokens = toy_tokens(data)

    def found() -> torch.Tensor:
        with (
            patch.object(encode_module, "MANY_TEXTS", 0 if large else 2**30),
            patch.object(embedding_file, "SHARD", 50),
        ):
            vectors = encode(
                encoder, tokens.passages, pad_id=PAD, worker=worker, batch_tokens=40, scratch=folder if large else None
            )
        return torch.from_numpy(np.array(vectors))

    before = found()
    engine = GradientEngine(encoder, tokens, config, parallel)
    engine.add_gradient(BatchPlanner(data, config.batches.size, config.seed).batch(3, "cross"), 3)
    return {"before": before, "after": found()}


def shared(worker: Worker, folder: Path) -> dict[str, torch.Tensor]:
    value = from_first({"rank": worker.rank, "text": "แผนที่", "number": 0.1 + 0.2}, worker)
    if value != {"rank": 0, "text": "แผนที่", "number": 0.1 + 0.2}:
        raise ValueError(value)
    return {"sum": sum_over_workers(torch.tensor([1.0, float(worker.rank)]), worker)}


SHARDED: dict[str, Any] = {"parallel": "sharded"}
HELD_TRIAL = {"compute.parallel": "sharded", "compute.precision": "float32", "compute.trim_vocabulary": True}
"""The vocabulary is whole again in what is left."""

HALF = {"precision": "bfloat16", "evaluation_precision": "bfloat16"}
Job = tuple[Callable[..., dict[str, torch.Tensor]], dict[str, Any]]

GRADIENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "chunks-symmetric": {"chunks": 3, "symmetric": True},
    "negatives": {"negatives": True},
    "negatives-chunks": {"chunks": 3, "symmetric": True, "negatives": True},
    "rectangles": {"symmetric": True, "negatives": True, "rectangles": 3},
    "rectangles-chunks": {"chunks": 2, "negatives": True, "rectangles": 2},
    "most-chunks": {"chunks": 8, "negatives": True, "rectangles": 3},
    "both-kinds": {"chunks": 2, "mixing": "loss"},
    "lora": {"kind": "lora", "chunks": 2, "rectangles": 2},
    "t5": {"kind": "t5", "chunks": 2, "negatives": True},
    "decoder": {"kind": "decoder", "rectangles": 2},
    "packed": {"chunks": 2, "negatives": True, "packing": "on"},
    "packed-lora": {"kind": "lora", "packing": "on", "activation_checkpointing": True},
    "packed-decoder": {"kind": "decoder", "packing": "on"},
    "recomputed": {"chunks": 2, "rectangles": 2, "activation_checkpointing": True},
    "recomputed-lora": {"kind": "lora", "negatives": True, "activation_checkpointing": True},
}
"""What must not depend on the number of workers, nor on how they hold the weights."""

ON_ANY_NUMBER: dict[str, Job] = {
    **{f"gradient-{name}": (gradient, options) for name, options in GRADIENTS.items()},
    **{f"gradient-{name}-sharded": (gradient, {**options, **SHARDED}) for name, options in GRADIENTS.items()},
    "encoded": (encoded, {"knobs": {}}),
    "encoded-sharded": (encoded, {"knobs": SHARDED}),
    **{f"whole-{kind}": (whole, {"kind": kind}) for kind in ("toy", "lora", "t5")},
}

JOBS: dict[str, Job] = {
    "loss": (loss, {"negatives": 0, "symmetric": False}),
    "loss-negatives-symmetric": (loss, {"negatives": 2, "symmetric": True}),
    "training": (training, {"knobs": {"evaluate_every": 6}}),
    "training-stopped": (training, {"knobs": {"evaluate_every": 6}, "stops": (8, 4)}),
    "training-resumed": (interrupted, {}),
    "training-sharded": (training, {"knobs": {"evaluate_every": 6, "checkpoint_every": 4, **SHARDED}}),
    "training-sharded-resumed": (interrupted, {"knobs": SHARDED}),
    "training-controlled": (training, {"knobs": {"ratio": CHAOS}}),
    "training-sharded-controlled": (training, {"knobs": {"ratio": CHAOS, **SHARDED}}),
    "training-sharded-lora": (training, {"knobs": {"evaluate_every": 6, **SHARDED}, "kind": "lora"}),
    "training-sharded-lora-resumed": (interrupted, {"knobs": SHARDED, "kind": "lora"}),
    "gradient-bfloat16": (gradient, {"precision": "bfloat16", "chunks": 2}),
    "gradient-bfloat16-sharded": (gradient, {**HALF, **SHARDED, "chunks": 2}),
    "short-of-memory": (short_of_memory, {}),
    "encoded-large": (encoded, {"knobs": {}, "large": True}),
    "encoded-large-sharded": (encoded, {"knobs": SHARDED, "large": True}),
    **{f"placed-{kind}": (placed, {"kind": kind}) for kind in ("toy", "lora", "t5", "decoder")},
    **{f"kept-{kind}": (kept, {"kind": kind}) for kind in ("toy", "lora", "t5", "decoder")},
    "held": (held, {}),
    "shared": (shared, {}),
    **ON_ANY_NUMBER,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    rank, world, root = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    distributed.init_process_group("gloo", init_method=f"file://{root / 'rendezvous'}", rank=rank, world_size=world)
    for name, (job, arguments) in (JOBS if world == 2 else ON_ANY_NUMBER).items():
        folder = root / name
        folder.mkdir(exist_ok=True)
        torch.save(job(Worker(rank, world), folder, **arguments), folder / f"{rank}.pt")
    distributed.destroy_process_group()
