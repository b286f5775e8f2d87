"""What the search optimises: read from text, scored so that more is better."""

import math

import pytest

from study.plan.objective import DEV_METRICS, Objective, parse_objectives
from study.settings import StudySettings
from trainables.errors import UserError


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
