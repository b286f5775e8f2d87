import numpy as np
import pytest
import torch

from tests.trainables.toy_run import assert_same_gradient, free_passes, toy_config, toy_data, toy_encoder, toy_tokens
from trainables.batches.planner import BatchPlanner
from trainables.encoders.tokens import pad
from trainables.parallel.replicated import Replicated
from trainables.parallel.worker import Worker
from trainables.training.gradient import GradientEngine, _Chunk, _Texts, resolve_precision
from trainables.training.loss import contrastive_loss

DATA = toy_data()
TOKENS = toy_tokens(DATA)


WITH_NEGATIVES = toy_data(negatives=True)


def loss_and_gradient(encoder, config, kind="cross", step=3, data=DATA):
    encoder.zero_grad()
    batch = BatchPlanner.of(data, config.batches, config.seed).batch(step, kind)
    loss = GradientEngine(encoder, toy_tokens(data), config, Replicated(config.compute, Worker())).add_gradient(
        batch, step
    )
    return loss, gradient_of(encoder)


def assert_same(left, right):
    torch.testing.assert_close(left[0], right[0], rtol=1e-6, atol=0)
    assert_same_gradient(left[1], right[1])


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradient_is_that_of_queries_and_passages_encoded_on_their_own(symmetric):
    config, encoder = toy_config(symmetric=symmetric), toy_encoder()
    batch = BatchPlanner(DATA, config.batches.size, config.seed).batch(3, "cross")
    queries = encoder(*pad(TOKENS.queries, batch.query_text, TOKENS.pad_id))
    passages = encoder(*pad(TOKENS.passages, batch.passage_text, TOKENS.pad_id))
    expected = contrastive_loss(queries, passages, config.loss.temperature, symmetric=symmetric)
    expected.backward()
    assert_same((expected.detach(), gradient_of(encoder)), loss_and_gradient(encoder, config))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("chunks", "rectangles"), [(1, 1), (1, 3), (2, 2), (3, 1), (8, 1)])
def test_chunks_have_the_loss_and_gradient_of_their_embeddings(chunks, rectangles, dropout):
    """The oracle encodes the same chunks with the same dropout, and keeps the whole graph instead of caching."""
    config, encoder = toy_config(gradient_accumulation=chunks, rectangles=rectangles), toy_encoder(dropout)
    with free_passes():
        engine = GradientEngine(encoder, TOKENS, config, Replicated(config.compute, Worker()))
        loss = loss_and_gradient(encoder, config)
    encoder.zero_grad()
    batch = BatchPlanner(DATA, config.batches.size, config.seed).batch(3, "cross")
    texts = _Texts.of(batch)
    found = engine._chunks([batch])
    assert (len(found), max(len(chunk.rectangles) for chunk in found)) == (chunks, rectangles)
    expected = engine._loss([engine._embed(texts, chunk, 3) for chunk in found], found, batch)
    expected.backward()
    assert_same((expected.detach(), gradient_of(encoder)), loss)


@pytest.mark.parametrize(
    ("chunks", "rectangles", "passes"), [(1, 1, 1), (1, 2, 2), (1, 9, 3), (2, 1, 3), (3, 2, 7), (8, 1, 15)]
)
@pytest.mark.parametrize("symmetric", [False, True])
def test_neither_chunks_nor_rectangles_change_loss_or_gradient(chunks, rectangles, passes, symmetric):
    """Lengths are 3, 4 and 5, and all chunks but the last are encoded twice."""
    encoder = toy_encoder()
    whole = loss_and_gradient(encoder, toy_config(symmetric=symmetric, rectangles=1))
    shapes = []
    encoder.register_forward_pre_hook(lambda module, inputs: shapes.append(tuple(inputs[0].shape)))
    divided = toy_config(symmetric=symmetric, gradient_accumulation=chunks, rectangles=rectangles)
    with free_passes():
        assert_same(whole, loss_and_gradient(encoder, divided))
    assert len(shapes) == passes
    assert {width for _, width in shapes} <= {3, 4, 5}


def gradient_of(encoder):
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("hard_negatives", [1, 2])
@pytest.mark.parametrize(("chunks", "rectangles"), [(1, 1), (1, 4), (3, 2), (8, 1)])
def test_explicit_negatives_are_further_candidates_of_every_query(hard_negatives, chunks, rectangles):
    config = toy_config(hard_negatives=hard_negatives, gradient_accumulation=chunks, rectangles=rectangles)
    encoder = toy_encoder()
    batch = BatchPlanner.of(WITH_NEGATIVES, config.batches, config.seed).batch(3, "cross")
    there = batch.negative_text[batch.negative_text >= 0]
    assert 0 < len(there) < batch.negative_text.size
    tokens = toy_tokens(WITH_NEGATIVES)
    queries = encoder(*pad(tokens.queries, batch.query_text, tokens.pad_id))
    candidates = encoder(*pad(tokens.passages, np.concatenate([batch.passage_text, there]), tokens.pad_id))
    scores = queries @ candidates.T / config.loss.temperature
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(len(queries)))
    expected.backward()
    with free_passes():
        assert_same((expected.detach(), gradient_of(encoder)), loss_and_gradient(encoder, config, data=WITH_NEGATIVES))


def test_gradients_add_up():
    config, encoder = toy_config(gradient_accumulation=2), toy_encoder()
    _, mono = loss_and_gradient(encoder, config, "mono")
    _, cross = loss_and_gradient(encoder, config, "cross")
    encoder.zero_grad()
    planner = BatchPlanner(DATA, config.batches.size, config.seed)
    engine = GradientEngine(encoder, TOKENS, config, Replicated(config.compute, Worker()))
    engine.add_gradient(planner.batch(3, "mono"), 3)
    engine.add_gradient(planner.batch(3, "cross"), 3)
    together = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
    assert_same_gradient(together, {name: mono[name] + cross[name] for name in mono})


def test_loss_alone_is_the_loss_with_the_same_dropout_and_adds_no_gradient():
    encoder = toy_encoder(dropout=0.3)
    for config in (toy_config(), toy_config(gradient_accumulation=3)):
        loss, _ = loss_and_gradient(encoder, config)
        encoder.zero_grad()
        batch = BatchPlanner(DATA, config.batches.size, config.seed).batch(3, "cross")
        again = GradientEngine(encoder, TOKENS, config, Replicated(config.compute, Worker())).loss(batch, 3)
        assert again == loss
        assert all(p.grad is None for p in encoder.parameters())


def test_dropout_depends_on_the_step_the_rectangle_the_seed_and_the_worker_and_on_nothing_else():
    encoder = toy_encoder(dropout=0.3)
    texts = _Texts.of(BatchPlanner(DATA, 8, 0).batch(3, "cross"))

    def first_text(step=3, number=0, seed=0, rank=0):
        torch.manual_seed(np.random.default_rng().integers(1 << 40))
        engine = GradientEngine(
            encoder, TOKENS, toy_config(seed=seed), Replicated(toy_config().compute, Worker(rank, 2))
        )
        return engine._embed(texts, _Chunk(number, [np.arange(4)]), step)[0].tolist()

    found = [first_text(), first_text(step=4), first_text(number=1), first_text(seed=1), first_text(rank=1)]
    assert len(set(map(tuple, found))) == len(found)
    assert found[0] == first_text()


def test_bfloat16_is_close_and_leaves_weights_and_gradients_in_float32():
    encoder = toy_encoder()
    exact, exact_gradient = loss_and_gradient(encoder, toy_config())
    for chunks in (1, 2):
        config = toy_config(precision="bfloat16", gradient_accumulation=chunks)
        loss, gradient = loss_and_gradient(encoder, config)
        assert loss.dtype == torch.float32
        assert loss != exact
        assert float(loss) == pytest.approx(float(exact), rel=0.05)
        for name, value in gradient.items():
            assert value.dtype == torch.float32
            assert torch.cosine_similarity(value.flatten(), exact_gradient[name].flatten(), dim=0) > 0.9 or (
                exact_gradient[name].norm() < 1e-3
            )


@pytest.mark.parametrize("chunks", [1, 3])
def test_packed_texts_have_the_loss_and_gradient_of_padded_ones(chunks):
    encoder, options = toy_encoder(), {"gradient_accumulation": chunks, "hard_negatives": 1}
    padded = loss_and_gradient(encoder, toy_config(packing="off", **options))
    packed = loss_and_gradient(encoder, toy_config(packing="on", **options))
    torch.testing.assert_close(packed[0], padded[0], rtol=1e-6, atol=0)
    assert_same_gradient(packed[1], padded[1], most=1e-6)


@pytest.mark.nightly
def test_a_compiled_encoder_has_the_same_loss_and_gradient_and_stays_as_it_is():
    encoder, compiled_encoder, config = toy_encoder(layers=3), toy_encoder(layers=3), toy_config(compile=True)
    Replicated(config.compute, Worker()).set_up(compiled_encoder)
    names = list(encoder.state_dict())
    for step in (3, 4):
        whole = loss_and_gradient(encoder, toy_config(), step=step)
        compiled = loss_and_gradient(compiled_encoder, config, step=step)
        # Compiled kernels sum in an order of their own, another one on every kind of processor.
        torch.testing.assert_close(whole[0], compiled[0], rtol=1e-5, atol=0)
        assert_same_gradient(whole[1], compiled[1], most=1e-5)
    assert list(compiled_encoder.state_dict()) == names


@pytest.mark.nightly
def test_every_encoder_of_a_process_is_compiled_anew():
    config = toy_config(compile=True)
    with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
        for dropout in (0.0, 0.1, 0.2):
            encoder = toy_encoder(dropout)
            Replicated(config.compute, Worker()).set_up(encoder)
            loss_and_gradient(encoder, config)


def test_precision_is_full_on_a_processor_unless_asked_otherwise():
    cpu = torch.device("cpu")
    assert resolve_precision(toy_config(precision="auto").compute, cpu) == torch.float32
    assert resolve_precision(toy_config(precision="bfloat16").compute, cpu) == torch.bfloat16
    assert resolve_precision(toy_config(precision="float32").compute, cpu) == torch.float32
