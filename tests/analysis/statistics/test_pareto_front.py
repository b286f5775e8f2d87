"""Pareto fronts: no dominated points, whatever the number of objectives, and missing values at the bottom."""

import math

from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.pareto import front

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
