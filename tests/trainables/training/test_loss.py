import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tests.trainables.parallel.worker_jobs import embeddings
from trainables.training.loss import contrastive_loss


def numpy_loss(queries, passages, temperature, negatives=None, symmetric=False):
    """InfoNCE as it is written in the paper, one query after the other, in float64."""
    q, p = np.asarray(queries, np.float64), np.asarray(passages, np.float64)
    extra = [] if negatives is None else list(np.asarray(negatives, np.float64).reshape(-1, q.shape[1]))
    terms = []
    for i in range(len(q)):
        scores = [math.exp(np.dot(q[i], c) / temperature) for c in [*p, *extra]]
        terms.append(-math.log(scores[i] / sum(scores)))
    if not symmetric:
        return sum(terms) / len(q)
    back = [
        -math.log(math.exp(np.dot(p[i], q[i]) / temperature) / sum(math.exp(np.dot(p[i], c) / temperature) for c in q))
        for i in range(len(p))
    ]
    return (sum(terms) / len(q) + sum(back) / len(q)) / 2


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.integers(1, 9),
    width=st.integers(1, 6),
    negatives=st.integers(0, 3),
    temperature=st.floats(0.02, 2),
    symmetric=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_loss_is_the_formula_computed_term_by_term(pairs, width, negatives, temperature, symmetric, seed):
    generator = np.random.default_rng(seed)
    shapes = [(pairs, width), (pairs, width), (pairs, negatives, width)]
    arrays = [generator.normal(size=shape) for shape in shapes]
    arrays = [(a / np.linalg.norm(a, axis=-1, keepdims=True)).astype(np.float32) for a in arrays]
    extra = arrays[2] if negatives else None
    loss = contrastive_loss(
        torch.from_numpy(arrays[0]),
        torch.from_numpy(arrays[1]),
        temperature,
        negatives=None if extra is None else torch.from_numpy(extra),
        symmetric=symmetric,
    )
    expected = numpy_loss(arrays[0], arrays[1], temperature, extra, symmetric)
    assert float(loss) == pytest.approx(expected, rel=2e-5, abs=2e-5)


@settings(max_examples=40, deadline=None)
@given(
    blocks=st.integers(1, 4),
    size=st.integers(2, 5),
    negatives=st.integers(0, 2),
    symmetric=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_blocks_of_a_batch_lose_what_they_would_lose_as_batches(blocks, size, negatives, symmetric, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(blocks * size, 4), (blocks * size, 4), (blocks * size, negatives, 4)]
    rows = [functional.normalize(torch.randn(shape, generator=generator), dim=-1) for shape in shapes]
    present = torch.rand(blocks * size, negatives, generator=generator) < 0.7

    def loss(part: slice, pool: int | None) -> torch.Tensor:
        queries, passages, extra = (one[part] for one in rows)
        explicit = {"negatives": extra, "present": present[part]} if negatives else {}
        return contrastive_loss(queries, passages, 0.1, symmetric=symmetric, negative_pool=pool, **explicit)

    apart = [loss(slice(first, first + size), None) for first in range(0, blocks * size, size)]
    assert float(loss(slice(None), size)) == pytest.approx(float(torch.stack(apart).mean()), rel=1e-5, abs=1e-6)


def test_embeddings_that_tell_nothing_apart_lose_the_logarithm_of_the_candidates():
    same = torch.ones(6, 1)
    assert float(contrastive_loss(same, same, 0.05)) == pytest.approx(math.log(6), rel=1e-6)
    extra = torch.ones(6, 2, 1)
    assert float(contrastive_loss(same, same, 0.05, negatives=extra)) == pytest.approx(math.log(18), rel=1e-6)


def test_autocast_does_not_lower_the_precision_of_the_loss():
    queries, passages, _ = embeddings(0)
    with torch.autocast("cpu", torch.bfloat16):
        loss = contrastive_loss(queries, passages, 0.05)
    assert loss.dtype == torch.float32
    assert loss == contrastive_loss(queries, passages, 0.05)


def test_explicit_negatives_raise_the_loss_and_are_pushed_away():
    queries, passages, negatives = embeddings(2)
    negatives.requires_grad_()
    loss = contrastive_loss(queries, passages, 0.05, negatives=negatives)
    assert loss > contrastive_loss(queries, passages, 0.05)
    loss.backward()
    # A step against the gradient takes every negative away from the query that it is most like.
    nearest = (negatives.detach().flatten(0, 1) @ queries.T).argmax(1)
    towards = (negatives.grad.flatten(0, 1) * queries[nearest]).sum(1)
    assert (towards > 0).all()


def test_negatives_that_are_not_there_are_no_candidates_and_get_no_gradient():
    queries, passages, negatives = embeddings(3)
    present = torch.from_numpy(np.random.default_rng(1).random(negatives.shape[:2]) < 0.5)
    negatives.requires_grad_()
    loss = contrastive_loss(queries, passages, 0.05, negatives=negatives, present=present)
    scores = queries @ torch.cat([passages, negatives[present]]).T / 0.05
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(len(queries)))
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    loss.backward()
    assert not negatives.grad[~present].any()
    assert negatives.grad[present].any(dim=-1).all()
