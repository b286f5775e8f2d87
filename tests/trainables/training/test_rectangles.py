from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.toy_run import toy_encoder
from trainables.encoders.registry import PRESETS
from trainables.encoders.vocabulary import trim_vocabulary
from trainables.training.config import ComputeConfig
from trainables.training.gradient import packs
from trainables.training.rectangles import PassCost, chunks_of_rectangles, equally_many, pass_cost, rectangles

_LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=9).map(np.array)
_COSTS = st.builds(
    PassCost, token=st.just(1.0), attention=st.floats(5, 500), launch=st.sampled_from([0.0, 3.0, 30.0, 300.0])
)


def spent(parts, lengths, cost, multiple_of=1):
    widths = [-(-int(lengths[rows].max()) // multiple_of) * multiple_of for rows in parts]
    return sum(len(rows) * float(cost.of_text(w)) + cost.launch for rows, w in zip(parts, widths, strict=True))


@given(lengths=_LENGTHS, most=st.integers(1, 4), cost=_COSTS, multiple_of=st.sampled_from([1, 8]))
def test_no_division_of_the_sorted_texts_is_cheaper(lengths, most, cost, multiple_of) -> None:
    found = rectangles(lengths, most, cost, multiple_of)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
    assert 1 <= len(found) <= most
    order = np.argsort(-lengths)
    every = [
        spent(np.split(order, cuts), lengths, cost, multiple_of)
        for number in range(min(most, len(lengths)))
        for cuts in combinations(range(1, len(lengths)), number)
    ]
    assert spent(found, lengths, cost, multiple_of) == pytest.approx(min(every))


@given(lengths=_LENGTHS, chunks=st.integers(1, 9), cost=_COSTS)
def test_chunks_hold_every_text_once_and_a_fair_part_of_the_work(lengths, chunks, cost) -> None:
    found = chunks_of_rectangles(lengths, chunks, 2, cost)
    assert len(found) <= chunks
    assert sorted(np.concatenate([rows for chunk in found for rows in chunk]).tolist()) == list(range(len(lengths)))
    each = cost.of_text(lengths)
    for chunk in found:
        assert 1 <= len(chunk) <= 2
        # No more than an even share, but for the text at either end.
        assert sum(each[rows].sum() for rows in chunk) <= each.sum() / chunks + each.max() + 1e-6


def test_equal_texts_make_as_many_equal_chunks_as_are_asked_for() -> None:
    found = chunks_of_rectangles(np.full(12, 7), 4, 3, PassCost(1, 100, 0))
    assert [[len(rows) for rows in chunk] for chunk in found] == [[3]] * 4


def test_a_pass_costs_more_the_larger_the_encoder_and_what_is_frozen_costs_no_gradient() -> None:
    encoder, cpu = toy_encoder(), torch.device("cpu")
    whole = pass_cost(encoder, encoder.dimension, cpu)
    assert whole.attention == 6 * 16
    assert whole.token > 0
    for parameter in encoder.parameters():
        parameter.requires_grad_(False)
    frozen = pass_cost(encoder, encoder.dimension, cpu)
    assert 0 < frozen.launch < whole.launch


def test_a_token_costs_the_same_where_the_vocabulary_is_trimmed() -> None:
    encoder, cpu = toy_encoder(), torch.device("cpu")
    whole = pass_cost(encoder, encoder.dimension, cpu)
    trim_vocabulary(encoder, np.arange(20))
    trimmed = pass_cost(encoder, encoder.dimension, cpu)
    assert trimmed.token == whole.token
    assert trimmed.launch < whole.launch


@pytest.mark.parametrize("name", ["mini-xs", "mini-t5-xs"])
def test_a_table_counts_once_however_many_share_it(name) -> None:
    few, many = (PRESETS[name].config.skeleton(pieces) for pieces in (5_000, 50_000))
    token = pass_cost(few, few.dimension, torch.device("cpu")).token
    assert token == pass_cost(many, many.dimension, torch.device("cpu")).token
    body = token * 9e10 / 6
    assert body > 12 * 64**2 * 0.5


@pytest.mark.parametrize(
    ("name", "is_wide"), [("mini-xs", False), ("mini-xl", False), ("multilingual-e5-small", True), ("xlm-r-base", True)]
)
def test_a_processor_packs_the_texts_of_wide_encoders(name, is_wide) -> None:
    encoder = PRESETS[name].config.skeleton(5_000)

    def packed(precision: torch.dtype = torch.float32, *, on_gpu: bool = False, **options) -> bool:
        return packs(encoder, ComputeConfig(**options), precision, on_gpu=on_gpu, is_recent=True)

    assert packed() == is_wide
    # Attention text by text is many calls, which compiled or halved products would wait for.
    assert not packed(compile=True)
    assert not packed(torch.bfloat16)
    # A GPU has a kernel for it, in bfloat16 only.
    assert packed(torch.bfloat16, on_gpu=True)
    assert not packed(on_gpu=True)
    assert not packed(packing="off")
    assert packed(packing="on")


@given(
    st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=30), min_size=1, max_size=4),
    st.integers(1, 40),
    st.integers(1, 6),
)
def test_workers_cut_equally_often_and_leave_no_text_out(shares, chunks, most):
    lengths = [np.array(share) for share in shares]
    cost = PassCost(token=1, attention=50, launch=3)
    found = [equally_many(lengths, own, chunks, most, cost) for own in range(len(lengths))]
    cuts = [[len(chunk) for chunk in of_worker] for of_worker in found]
    assert all(cut == cuts[0] for cut in cuts)
    assert len(cuts[0]) == min(chunks, *map(len, shares))
    assert max(cuts[0]) <= most
    for of_worker, share in zip(found, shares, strict=True):
        rows = np.concatenate([rectangle for chunk in of_worker for rectangle in chunk])
        assert sorted(rows) == list(range(len(share)))
        assert all(len(rectangle) for chunk in of_worker for rectangle in chunk)


def test_one_worker_cuts_as_it_would_alone():
    lengths = np.random.default_rng(0).integers(3, 60, 50)
    cost = PassCost(token=1, attention=50, launch=3)
    for chunks in (1, 2, 5):
        alone = chunks_of_rectangles(lengths, chunks, 4, cost)
        together = equally_many([lengths], 0, chunks, 4, cost)
        for left, right in zip(alone, together, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
