"""The parts of a step's memory; tests/trainables/encoders/test_footprint.py compares them with what is measured."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from trainables.encoders.base import Shape
from trainables.encoders.footprint import Bytes, Footprint
from trainables.step_memory import Rectangle, StepMemory, step_memory

SHAPE = Shape(layers=4, width=10, parameters=10_000, embeddings=4000, trained=10_000, largest=4000)
FOOTPRINT = Footprint(
    kept=Bytes(fixed=100, per_text=10, per_token=50, per_square=1),
    layers=Bytes(fixed=100, per_text=10, per_token=60, per_square=1),
)
RECTANGLE = (4, 100)


def memory(chunks: Any = ((RECTANGLE,),), shape: Shape = SHAPE, **options: Any) -> StepMemory:
    divided = [[Rectangle(*rectangle) for rectangle in chunk] for chunk in chunks]
    return step_memory(shape, FOOTPRINT, divided, **{"dimension": 10, "queries": 2, "candidates": 2, **options})


def test_a_rectangle_is_carried_back_before_there_are_gradients():
    found = memory()
    assert (found.weights, found.optimiser, found.gradients) == (40_000, 80_000, 0)
    assert found.activations == 100 + 4 * (10 + 60 * 100 + 100**2)
    assert found.vectors == 3 * 4 * 2 * 2
    assert found.total == 120_000 + found.activations + found.vectors


def test_small_batches_take_most_once_all_gradients_are_there():
    found = memory(chunks=[[(1, 1)]])
    assert (found.gradients, found.activations) == (40_000, 0)


def test_further_rectangles_meet_the_gradients_of_those_behind():
    found = memory(chunks=[[RECTANGLE, (1, 1)]])
    assert (found.gradients, found.activations) == (40_000, FOOTPRINT.peak(*RECTANGLE))
    # The gradient of the largest weight comes a second time, when the long texts are carried back.
    short = memory(chunks=[[(1, 1), (1, 1)]])
    assert (short.gradients, short.activations) == (40_000, 4 * 4000)


def test_chunks_hold_one_chunk_and_the_vectors_of_all():
    whole, chunked = memory(chunks=[[(16, 100)]]), memory(chunks=[[RECTANGLE]] * 4)
    assert chunked.activations < whole.activations / 3
    assert chunked.vectors == 2 * 4 * 16 * 10
    assert chunked.total < whole.total


def test_adapters_have_gradients_and_moments_of_their_own_only():
    adapters = replace(SHAPE, parameters=10_100, trained=100, largest=10)
    found = memory(shape=adapters, chunks=[[RECTANGLE]] * 2)
    assert (found.weights, found.optimiser, found.gradients) == (40_400, 800, 400)
    assert memory(shape=adapters, frozen_bytes=2).weights == 20_400


def test_sharded_workers_divide_what_is_held_and_gather_what_is_computed():
    totals = [memory(workers=workers, sharded=True) for workers in (2, 4, 8)]
    for fewer, more in pairwise(totals):
        assert more.weights == fewer.weights / 2
        assert more.optimiser == fewer.optimiser / 2
        assert more.activations == fewer.activations
    gathered = 2 * (3 * 6000 / 4 + 4000)
    assert totals[0].activations == FOOTPRINT.peak(*RECTANGLE) - 100 + gathered


def test_replicated_workers_need_room_for_a_message_of_gradients():
    alone, together = (memory(chunks=[[(1, 1)]], workers=workers) for workers in (1, 2))
    assert together.gradients == alone.gradients + 40_000
    assert together.weights == alone.weights


@pytest.mark.parametrize("sharded", [False, True])
def test_more_of_anything_takes_no_less(sharded: bool):
    options = {"workers": 2, "sharded": sharded}
    base = memory(chunks=[[(4, 100)] * 3], **options).total
    assert memory(chunks=[[(4, 100)] * 2 + [(5, 100)]], **options).total >= base
    assert memory(chunks=[[(4, 100)] * 4], **options).total > base
    assert memory(chunks=[[(4, 101)] * 3], **options).total > base
    more = replace(SHAPE, parameters=11_000, trained=11_000)
    assert memory(chunks=[[(4, 100)] * 3], shape=more, **options).total > base
