"""What is planned of a training step's memory, beside what PyTorch's allocator hands out in one on this machine."""

import importlib.util
import json
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from tests.trainables.encoders.layouts import static_folder
from tests.trainables.toy_run import toy_config
from trainables.batches.batch import Batch
from trainables.encoders.adapters import LoraConfig
from trainables.encoders.base import EncoderConfig
from trainables.encoders.decoder import MiniDecoderEncoder
from trainables.encoders.footprint import footprint, shape_of
from trainables.encoders.mini import MiniEncoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.t5 import MiniT5Encoder
from trainables.encoders.tokens import TokenTable
from trainables.parallel.replicated import Replicated
from trainables.parallel.worker import Worker
from trainables.step_memory import Rectangle, step_memory
from trainables.training.gradient import GradientEngine, Tokens, packs, resolve_precision
from trainables.training.optimiser import build_optimiser, trainable_parameters
from trainables.training.rectangles import chunks_of_rectangles, pass_cost

pytestmark = pytest.mark.slow

PAIRS, LONGEST = 48, 100
SMALLEST_VOCABULARY = 200

SIZE: dict[str, Any] = {"name": "small", "layers": 2, "width": 64, "heads": 4, "max_query_length": 128}
MINI = {"mini": MiniEncoder, "mini-t5": MiniT5Encoder, "mini-decoder": MiniDecoderEncoder}


def random_lengths(texts: int) -> np.ndarray:
    return np.random.default_rng(0).integers(10, LONGEST, texts)


def tokens_of_texts(lengths: np.ndarray) -> Tokens:
    """Texts of random ids."""
    generator = np.random.default_rng(1)
    ids = generator.integers(3, SMALLEST_VOCABULARY, lengths.sum()).astype(np.int32)
    table = TokenTable(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    return Tokens(table, table, pad_id=1)


def batch_of_texts(negatives: int) -> Batch:
    """The first texts are the queries, then come their passages, then the explicit negatives."""
    rows, language = np.arange(PAIRS), np.zeros(PAIRS, dtype=np.int16)
    texts = np.arange(PAIRS * (2 + negatives), dtype=np.int32)
    query, passage, others = texts[:PAIRS], texts[PAIRS : 2 * PAIRS], texts[2 * PAIRS :]
    return Batch(0, "mono", 0, rows, language, language, query, passage, others.reshape(PAIRS, negatives))


def most_allocated(step: Any) -> int:
    """The most bytes at a time that a call holds beyond what there was before, by the account of the allocator."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        step()
    events = [event for event in found.profiler.kineto_results.events() if event.name() == "[memory]"]
    return int(np.cumsum([event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]).max())


def measured_and_planned(
    config: EncoderConfig,
    texts: list[str],
    checkpointing: bool = False,
    negatives: int = 0,
    lengths: np.ndarray | None = None,
    **options: Any,
) -> tuple[float, float]:
    trial = toy_config(batch_size=PAIRS, hard_negatives=negatives, **options)
    tokenizer = config.tokenizer(texts)
    encoder = config.build(tokenizer, seed=0)
    if checkpointing:
        encoder.transformer.activation_checkpointing_enable()
    lengths = random_lengths(PAIRS * (2 + negatives)) if lengths is None else lengths
    worker, tokens, batch = Worker(), tokens_of_texts(lengths), batch_of_texts(negatives)
    engine = GradientEngine(encoder, tokens, trial, Replicated(trial.compute, worker))
    parameters = trainable_parameters(encoder)
    optimiser = build_optimiser(parameters, trial.optimiser)

    def step() -> None:
        engine.add_gradient(batch, 0)
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    step()
    moments = sum(two.nbytes for one in optimiser.state.values() for name, two in one.items() if name != "step")
    held = sum(one.nbytes for one in encoder.parameters()) + moments
    measured = held + most_allocated(step)

    skeleton = config.skeleton(len(tokenizer))
    cost = pass_cost(skeleton, skeleton.dimension, worker.device)
    precision = resolve_precision(trial.compute, worker.device)
    packed = packs(skeleton, trial.compute, precision, on_gpu=False, is_recent=False)
    most = 1 if packed else trial.compute.rectangles
    divided = chunks_of_rectangles(lengths, trial.compute.gradient_accumulation, most, cost)
    chunks = [[Rectangle.of(lengths[rows], packed=packed) for rows in chunk] for chunk in divided]
    planned = step_memory(
        shape_of(skeleton),
        footprint(skeleton, precision, checkpointing=checkpointing, packed=packed),
        chunks,
        dimension=skeleton.dimension,
        queries=PAIRS,
        candidates=PAIRS * (1 + negatives),
    )
    assert planned.weights + planned.optimiser == held
    return measured, planned.total


WITHIN = 0.05
"""Share of the measured bytes. The plan promises 15 %; what is seen here is below 3 %."""


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mini", {}),
        ("mini", {"rectangles": 1}),
        ("mini", {"gradient_accumulation": 4}),
        ("mini", {"checkpointing": True}),
        ("mini-t5", {"negatives": 1}),
        ("mini-decoder", {"precision": "bfloat16"}),
    ],
)
def test_the_plan_of_a_step_is_what_it_takes(kind: str, options: dict[str, Any], texts: list[str]) -> None:
    measured, planned = measured_and_planned(MINI[kind](**SIZE), texts, **options)
    assert planned == pytest.approx(measured, rel=WITHIN)


@pytest.mark.parametrize("family", ["xlm-r", "modernbert", "gemma2"])
def test_the_plan_of_a_checkpoint_is_what_its_step_takes(checkpoint, family: str) -> None:
    # With dropout, which keeps more on a CPU, where the encoder has any.
    config = resolve_encoder(str(checkpoint(family, positions=130)))
    measured, planned = measured_and_planned(config, [])
    assert planned == pytest.approx(measured, rel=WITHIN)


SPREAD: dict[str, Any] = {
    "some longer than others": random_lengths(2 * PAIRS),
    "queries and passages": np.repeat([12, 110], PAIRS),
    "one long text among short ones": np.where(np.arange(2 * PAIRS) == 7, 120, 6),
}


@pytest.mark.parametrize("spread", SPREAD)
@pytest.mark.parametrize(("family", "dropout"), [("xlm-r", 0.0), ("xlm-r", 0.1), ("modernbert", 0.0)])
def test_the_plan_of_packed_texts_is_what_their_step_takes(checkpoint, family: str, dropout: float, spread: str):
    folder = checkpoint(family, positions=130)
    file = folder / "config.json"
    said = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), dropout)
    file.write_text(json.dumps(json.loads(file.read_text()) | said))
    config = resolve_encoder(str(folder))
    measured, planned = measured_and_planned(config, [], lengths=SPREAD[spread], packing="on")
    assert planned == pytest.approx(measured, rel=WITHIN)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("xlm-r", {"gradient_accumulation": 4}),
        ("xlm-r", {"checkpointing": True}),
        ("xlm-r", {"precision": "bfloat16"}),
        ("qwen3", {}),
    ],
)
def test_the_plan_of_packed_texts_follows_how_they_are_encoded(checkpoint, family: str, options: dict[str, Any]):
    config = resolve_encoder(str(checkpoint(family, positions=130)))
    measured, planned = measured_and_planned(config, [], packing="on", **options)
    assert planned == pytest.approx(measured, rel=WITHIN)


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation": 4}])
def test_the_plan_of_a_table_is_what_its_step_takes(tokenizer, tmp_path, options: dict[str, Any]) -> None:
    measured, planned = measured_and_planned(
        resolve_encoder(str(static_folder(tmp_path / "table", tokenizer, 64, 10_000))), [], **options
    )
    assert planned == pytest.approx(measured, rel=WITHIN)


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
def test_the_plan_of_adapters_is_what_their_step_takes(checkpoint) -> None:
    config = resolve_encoder(str(checkpoint("qwen3"))).model_copy(update={"lora": LoraConfig(rank=4)})
    skeleton = config.skeleton(0)
    shape = shape_of(skeleton)
    assert 0 < shape.trained < shape.parameters / 2
    measured, planned = measured_and_planned(config, [])
    assert planned == pytest.approx(measured, rel=WITHIN)


def test_a_deep_encoder_is_traced_by_a_few_of_its_layers() -> None:
    def whole(layers: int):
        return footprint(MiniEncoder(**{**SIZE, "layers": layers}).skeleton(500), torch.float32)

    four, three, nine = whole(4), whole(3), whole(9)
    each = four.kept.of(10, 20) - three.kept.of(10, 20)
    assert nine.kept.of(10, 20) == pytest.approx(four.kept.of(10, 20) + 5 * each)
    assert nine.peak(10, 20) - nine.kept.of(10, 20) == pytest.approx(four.peak(10, 20) - four.kept.of(10, 20))


def test_a_gpu_keeps_no_attention_weights_and_masks_of_bytes(checkpoint) -> None:
    config = resolve_encoder(str(checkpoint("xlm-r", positions=130)))
    skeleton = config.skeleton(0)
    here, there = (footprint(skeleton, torch.bfloat16, on_gpu=on_gpu).kept for on_gpu in (False, True))
    assert there.per_square < here.per_square / 5
    assert there.per_token < here.per_token
    assert there.fixed == here.fixed
    # The functions that were replaced for it are back.
    assert footprint(skeleton, torch.bfloat16).kept == here
