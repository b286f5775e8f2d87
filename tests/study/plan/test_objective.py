"""What the search optimises: read from text, scored so that more is better, Pareto fronts without dominated points."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.plan.objective import DEV_METRICS, Objective, pareto_front, parse_objectives
from study.settings import StudySettings
from trainables.errors import UserError

POINTS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.sampled_from([-math.inf, 0.0, 0.5, 1.0, 2.0])] * width), max_size=12)
)


def test_every_dev_metric_has_its_usual_direction() -> None:
    for metric, direction in DEV_METRICS.items():
        assert parse_objectives([metric]) == (Objective(metric, direction),)
        assert direction == ("minimize" if metric.startswith("bias/") else "maximize")


def test_a_direction_may_be_turned_round() -> None:
    found = parse_objectives(["multilingual/map:minimize", "bias/rank_distance:maximize"])
    assert found == (Objective("multilingual/map", "minimize"), Objective("bias/rank_distance", "maximize"))


def test_the_default_of_the_settings_is_an_objective() -> None:
    assert parse_objectives(StudySettings().objective) == (Objective("multilingual/map", "maximize"),)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["multilingual/mpa"], r"Unknown objective 'multilingual/mpa': did you mean .*multilingual/map"),
        (["dev/multilingual/map"], r"Unknown objective 'dev/multilingual/map'"),
        ([""], r"Unknown objective ''"),
        (["multilingual/map:up"], r"--objective multilingual/map:up: the direction is 'up'"),
        (["multilingual/map:maximize:x"], r"the direction is 'maximize:x'"),
        (["multilingual/map", "multilingual/map:minimize"], r"a metric is named twice"),
    ],
)
def test_a_wrong_objective_is_one_sentence(texts: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        parse_objectives(texts)


def test_more_score_is_better_and_a_missing_value_is_the_worst() -> None:
    quality, bias = Objective("multilingual/map", "maximize"), Objective("bias/rank_distance", "minimize")
    assert quality.score({"multilingual/map": 0.7}) > quality.score({"multilingual/map": 0.6})
    assert bias.score({"bias/rank_distance": 100.0}) > bias.score({"bias/rank_distance": 120.0})
    for objective in (quality, bias):
        assert objective.score({}) == objective.score({objective.metric: math.nan}) == -math.inf


@given(POINTS)
def test_the_front_is_what_no_other_point_dominates(points: list[tuple[float, ...]]) -> None:
    def dominated(own: tuple[float, ...]) -> bool:
        for other in points:
            never_worse = all(other[i] >= own[i] for i in range(len(own)))
            somewhere_better = any(other[i] > own[i] for i in range(len(own)))
            if never_worse and somewhere_better:
                return True
        return False

    assert pareto_front(points) == [i for i, own in enumerate(points) if not dominated(own)]


@given(POINTS.filter(bool))
def test_the_front_holds_a_best_point_of_every_objective(points: list[tuple[float, ...]]) -> None:
    front = [points[i] for i in pareto_front(points)]
    for i in range(len(points[0])):
        assert max(point[i] for point in front) == max(point[i] for point in points)
