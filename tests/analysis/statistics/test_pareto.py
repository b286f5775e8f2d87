"""Fronts and hypervolumes against their definitions."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.pareto import front, hypervolume

SIDE = 4


def points(dimensions: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*[st.integers(-1, SIDE).map(float)] * dimensions), max_size=8)


def cells_below(found: list[tuple[float, ...]], reference: tuple[int, ...]) -> int:
    """Brute force: unit cubes above the reference whose upper corner some point reaches."""
    cubes = product(*(range(low, SIDE) for low in reference))
    return sum(any(all(p >= c + 1 for p, c in zip(point, cube, strict=True)) for point in found) for cube in cubes)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_hypervolume_is_the_number_of_unit_cubes_below_the_points(dimensions: int, data: st.DataObject) -> None:
    found = data.draw(points(dimensions))
    reference = data.draw(st.tuples(*[st.integers(-1, 2)] * dimensions))
    assert hypervolume(found, tuple(map(float, reference))) == cells_below(found, reference)


@settings(max_examples=60, deadline=None)
@given(found=points(3), extra=st.tuples(*[st.integers(-1, SIDE).map(float)] * 3))
def test_a_point_adds_volume_only_if_it_is_not_beaten(found: list[tuple[float, ...]], extra: tuple[float, ...]) -> None:
    reference = (-1.0, -1.0, -1.0)
    gained = hypervolume([*found, extra], reference) - hypervolume(found, reference)
    beaten = any(all(b >= a for a, b in zip(extra, other, strict=True)) for other in found)
    assert (gained > 0) == (not beaten and all(a > -1 for a in extra))


def test_the_hypervolume_does_not_depend_on_the_order_or_scale_of_objectives() -> None:
    found = np.random.default_rng(0).uniform(0, 1, (30, 3))
    volume = hypervolume([tuple(p) for p in found], (0.0, 0.0, 0.0))
    for axes in ((1, 2, 0), (2, 1, 0)):
        assert hypervolume([tuple(p) for p in found[:, axes]], (0.0, 0.0, 0.0)) == pytest.approx(volume)
    stretched = [(2 * a, 3 * b, c) for a, b, c in found]
    assert hypervolume(stretched, (0.0, 0.0, 0.0)) == pytest.approx(6 * volume)


def test_a_hypervolume_in_four_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 3 dimensions, not 4"):
        hypervolume([(1.0,) * 4], (0.0,) * 4)


@settings(max_examples=60, deadline=None)
@given(found=points(3))
def test_every_point_off_the_front_is_beaten_by_one_on_it_and_none_on_it_is(found: list[tuple[float, ...]]) -> None:
    best = front(found)
    for i, own in enumerate(found):
        beaten = [j for j in best if found[j] != own and all(np.greater_equal(found[j], own))]
        assert bool(beaten) == (i not in best)


POINTS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.sampled_from([-math.inf, 0.0, 0.5, 1.0, 2.0])] * width), max_size=12)
)


@given(POINTS)
def test_the_front_is_what_no_other_point_dominates(points: list[tuple[float, ...]]) -> None:
    def dominated(own: tuple[float, ...]) -> bool:
        for other in points:
            never_worse = all(other[i] >= own[i] for i in range(len(own)))
            somewhere_better = any(other[i] > own[i] for i in range(len(own)))
            if never_worse and somewhere_better:
                return True
        return False

    assert front(points) == [i for i, own in enumerate(points) if not dominated(own)]


@given(POINTS.filter(bool))
def test_the_front_holds_a_best_point_of_every_objective(points: list[tuple[float, ...]]) -> None:
    best = [points[i] for i in front(points)]
    for i in range(len(points[0])):
        assert max(point[i] for point in best) == max(point[i] for point in points)
