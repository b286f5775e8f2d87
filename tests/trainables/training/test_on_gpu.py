"""What only an accelerator can show; skipped where there is none."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from tests.trainables.toy_run import (
    PAD,
    TOY,
    Reports,
    assert_same_gradient,
    free_passes,
    toy_config,
    toy_data,
    toy_encoder,
    toy_tokens,
    weights,
)
from trainables.batches.planner import BatchPlanner
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable
from trainables.evaluation.encode import encode
from trainables.parallel.parts import gathered
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.storage import Folder
from trainables.training.fine_tune import TrainingSummary, fine_tune
from trainables.training.gradient import GradientEngine, Tokens, resolve_precision

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

DATA = toy_data(negatives=True)
TOKENS = toy_tokens(DATA)
SHARDED = {"parallel": "sharded", "precision": "float32", "evaluation_precision": "float32"}
HALF = {"precision": "bfloat16", "evaluation_precision": "bfloat16"}


def worker(kind: str = "cuda") -> Worker:
    return Worker(device=torch.device(kind))


def loss_and_gradient(kind, encoder=toy_encoder, **options):
    config = toy_config(hard_negatives=1, **options)
    parallel = parallel_of(config.compute, worker(kind))
    placed = parallel.place(encoder)
    batch = BatchPlanner.of(DATA, config.batches, config.seed).batch(3, "cross")
    with free_passes():
        loss = GradientEngine(placed, TOKENS, config, parallel).add_gradient(batch, 3)
    found = {name: gathered(p.grad).cpu() for name, p in placed.named_parameters() if p.grad is not None}
    return loss.cpu(), found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_accumulation": 3},
        {"rectangles": 1},
        {"activation_checkpointing": True},
        {"symmetric": True},
        {"compile": True},
        SHARDED,
        {**SHARDED, "gradient_accumulation": 2, "activation_checkpointing": True},
    ],
    ids=lambda options: "+".join(options) or "plain",
)
def test_loss_and_gradient_are_those_of_a_processor(options):
    expected = loss_and_gradient("cpu", symmetric=options.get("symmetric", False))
    found = loss_and_gradient("cuda", **options)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=0)
    assert_same_gradient(found[1], expected[1], 1e-5)


def test_bfloat16_is_what_is_chosen_and_is_near():
    config = toy_config(precision="auto")
    assert resolve_precision(config.compute, torch.device("cuda")) == torch.bfloat16
    expected, found = loss_and_gradient("cpu"), loss_and_gradient("cuda", precision="auto")
    torch.testing.assert_close(found[0], expected[0], rtol=2e-2, atol=0)
    assert_same_gradient(found[1], expected[1], 5e-2)


@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation": 3}, {"compile": True}, {**SHARDED, **HALF}], ids=lambda one: "+".join(one)
)
def test_packed_texts_have_the_loss_and_gradient_of_padded_ones(options):
    expected = loss_and_gradient("cuda", packing="off", **HALF)
    found = loss_and_gradient("cuda", packing="on", **{**HALF, **options})
    torch.testing.assert_close(found[0], expected[0], rtol=1e-2, atol=0)
    assert_same_gradient(found[1], expected[1], 3e-2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_step_waits_for_the_accelerator(precision):
    """PyTorch raises where the processor would wait, but in what a report reads."""
    config = toy_config(precision=precision, hard_negatives=1, steps=6, reports=1)
    parallel = parallel_of(config.compute, worker())
    encoder = parallel.place(toy_encoder)
    planner = BatchPlanner.of(DATA, config.batches, config.seed)
    engine = GradientEngine(encoder, TOKENS, config, parallel)
    engine.add_gradient(planner.batch(0, "mono"), 0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step, kind in enumerate(("mono", "cross", "cross"), 1):
            engine.add_gradient(planner.batch(step, kind), step)
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation": 2}, SHARDED], ids=["whole", "chunks", "sharded"])
def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path, options, dropout):
    config = toy_config(checkpoint_every=3, report_every=3, **options)

    def trained(folder, stop_after=None):
        parallel = parallel_of(config.compute, worker())
        encoder = parallel.place(lambda: toy_encoder(dropout))
        sink = Reports(stop_after=stop_after)
        fine_tune(config, DATA, TOKENS, encoder, sink=sink, worker=worker(), checkpoints=Folder(str(folder)))
        return {name: gathered(one).cpu() for name, one in weights(encoder).items()}

    whole = trained(tmp_path / "whole")
    trained(tmp_path / "stopped", stop_after=6)
    for name, one in trained(tmp_path / "stopped").items():
        torch.testing.assert_close(one, whole[name], rtol=1e-4, atol=1e-6)


def test_cached_gradients_see_the_dropout_of_their_first_pass_again():
    """Else the gradient would be that of no loss: a small step against it would not lower the loss as it says."""
    config = toy_config(gradient_accumulation=4)
    parallel = parallel_of(config.compute, worker())
    encoder = parallel.place(lambda: toy_encoder(dropout=0.3))
    batch = BatchPlanner.of(DATA, config.batches, config.seed).batch(3, "cross")
    engine = GradientEngine(encoder, TOKENS, config, parallel)
    before = engine.add_gradient(batch, 3)
    square = sum(float((p.grad.double() ** 2).sum()) for p in encoder.parameters() if p.grad is not None)
    rate = 1e-3 / square**0.5
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
    assert float(before - engine.loss(batch, 3)) == pytest.approx(rate * square, rel=0.05)


@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-5), ("bfloat16", 2e-2)])
def test_embeddings_are_those_of_a_processor(precision, most):
    encoder = toy_encoder()
    expected = encode(encoder, TOKENS.passages, pad_id=PAD)
    found = encode(encoder.cuda(), TOKENS.passages, pad_id=PAD, worker=worker(), precision=precision)
    assert abs(found - expected).max() <= most


@pytest.fixture
def half_a_gibibyte() -> Iterator[None]:
    """The memory of the accelerator that this process may have."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(2**29 / torch.cuda.get_device_properties(0).total_memory)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


LONG = 500


def long_texts() -> Tokens:
    """The toy texts, each of so many tokens."""
    starts, ids = TOKENS.passages.offsets[:-1], TOKENS.passages.ids
    repeated = np.concatenate([np.resize(ids[start : start + 3], LONG) for start in starts])
    table = TokenTable(repeated, np.arange(len(starts) + 1, dtype=np.int64) * LONG)
    return Tokens(table, table, PAD)


def deep_encoder() -> Encoder:
    """A megabyte of weights, which keeps 10 MiB and more of every long text."""
    settings = XLMRobertaConfig(
        vocab_size=32,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=LONG + 12,
        type_vocab_size=1,
        pad_token_id=PAD,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    return Encoder(XLMRobertaModel(settings, add_pooling_layer=False).train(), TOY)


def test_a_step_that_finds_no_memory_is_done_in_chunks_with_the_same_loss(half_a_gibibyte):
    config = toy_config(steps=2, reports=2, learning_rate=1e-4, batch_size=48)

    def trained() -> tuple[TrainingSummary, list[float]]:
        sink = Reports()
        encoder = deep_encoder().cuda()
        summary = fine_tune(config, DATA, long_texts(), encoder, sink=sink, worker=worker())
        return summary, [line["loss"] for line in sink.lines]

    short, losses = trained()
    assert short.status == "complete"
    assert short.rechunked
    torch.cuda.set_per_process_memory_fraction(1.0)
    ample, expected = trained()
    assert not ample.rechunked
    assert losses == pytest.approx(expected, rel=1e-4)
