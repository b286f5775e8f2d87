"""The cosine of the mean gradients of both kinds of batches: what autograd says, and no trace in the training."""

import pytest
import torch

from tests.trainables.toy_run import Reports, toy_config, toy_data, toy_encoder, toy_tokens, weights
from trainables.batches.planner import BatchPlanner
from trainables.encoders.tokens import pad
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import GradientEngine
from trainables.training.gradient_cosine import BATCHES, GradientCosine
from trainables.training.optimiser import trainable_parameters

DATA = toy_data()
TOKENS = toy_tokens(DATA)


@pytest.mark.parametrize("chunks", [1, 4])
def test_it_is_the_cosine_that_autograd_finds(chunks):
    config, encoder = toy_config(gradient_accumulation=chunks), toy_encoder()
    parallel, parameters = parallel_of(config.compute, Worker()), trainable_parameters(encoder)
    planner = BatchPlanner.of(DATA, config.batches, config.seed)
    found = GradientCosine(GradientEngine(encoder, TOKENS, config, parallel), planner, parameters, parallel).measure()
    assert all(parameter.grad is None for parameter in parameters.values())
    sums = []
    for kind in ("mono", "cross"):
        losses = []
        for step in range(BATCHES):
            batch = planner.batch(step, kind)
            queries, passages = (
                encoder(*pad(table, rows, TOKENS.pad_id))
                for table, rows in ((TOKENS.queries, batch.query_text), (TOKENS.passages, batch.passage_text))
            )
            losses.append(torch.nn.functional.cross_entropy(queries @ passages.T / 0.05, torch.arange(len(batch))))
        found_here = torch.autograd.grad(sum(losses), list(parameters.values()), allow_unused=True)
        sums.append(torch.cat([g.ravel() for g in found_here if g is not None]))
    assert found == pytest.approx(float(torch.cosine_similarity(*sums, dim=0)), abs=1e-4)


def test_memory_that_runs_out_changes_nothing():
    """In a batch behind others, when its first gradient has been added."""

    def measured(passes: int) -> tuple[float, int]:
        config, encoder, left = toy_config(gradient_accumulation=2), toy_encoder(), [passes]

        def fail(gradient):
            left[0] -= 1
            if left[0] == 0:
                raise torch.OutOfMemoryError("CUDA out of memory.")

        encoder.transformer.embeddings.word_embeddings.weight.register_hook(fail)
        parallel, parameters = parallel_of(config.compute, Worker()), trainable_parameters(encoder)
        planner = BatchPlanner.of(DATA, config.batches, config.seed)
        engine = GradientEngine(encoder, TOKENS, config, parallel)
        return GradientCosine(engine, planner, parameters, parallel).measure(), engine.chunks

    expected, chunks = measured(0)
    assert chunks == 2
    for passes in (2, 4, 2 * BATCHES + 6):
        found, chunks = measured(passes)
        assert chunks == 4
        assert found == pytest.approx(expected, abs=1e-5)


def test_who_is_explained_trains_as_who_is_not():
    ends = {}
    for explain in (False, True):
        config = toy_config(evaluations=3, explain=explain)
        encoder, sink = toy_encoder(dropout=0.1), Reports()
        fine_tune(
            config,
            DATA,
            TOKENS,
            encoder,
            sink=sink,
            evaluate=lambda encoder: {"map": 0.5},
            explain=lambda encoder: {"uniformity": -1.0},
        )
        ends[explain] = weights(encoder), [line["explained"] for line in sink.lines if line["dev"]]
    for one, other in zip(ends[False][0].values(), ends[True][0].values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert ends[False][1] == [None] * 3
    assert [set(found) for found in ends[True][1]] == [{"uniformity", "gradient_cosine"}] * 3
    assert len({found["gradient_cosine"] for found in ends[True][1]}) == 3
    assert all(-1 <= found["gradient_cosine"] <= 1 for found in ends[True][1])
