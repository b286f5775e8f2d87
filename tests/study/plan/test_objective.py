"""What the search optimises: read from text, and scored so that more is better."""

import doctest
import math
import sys

import pytest

from study.plan.objective import Objective, asked_measures, parse_objectives, possible_objectives, usual_objectives
from study.settings import StudySettings
from trainables.errors import UserError
from trainables.evaluation.metric_name import MetricName


def test_every_usual_objective_has_its_usual_direction() -> None:
    usual = usual_objectives()
    for metric, direction in usual.items():
        assert parse_objectives([metric]) == (Objective(metric, direction),)
        assert direction == ("minimize" if metric.startswith("bias/") else "maximize")
    settings = ("monolingual", "cross-lingual", "bilingual", "multilingual", "overall")
    assert set(usual) == {
        *(
            f"{setting}/{measure}"
            for setting in settings
            for measure in ("map", "recall@1", "recall@10", "complete@10")
        ),
        *("bias/rank_distance", "bias/rank_distance_median", "bias/rank_distance_log", "bias/diagonal_gap"),
    }


def test_values_of_part_of_the_queries_and_values_that_are_neither_good_nor_bad_choose_nothing() -> None:
    names = ["a/multilingual/map:micro", "a/multilingual/map/de", "a/bias/ties", "a/ties", "a/overall/map"]
    names += ["a/bias/same_language_share@10", "a/bias/relevant_language_map/de-en", "a/monolingual/ndcg@10"]
    found = possible_objectives(map(MetricName.parse, names))
    assert found == {"overall/map": "maximize", "monolingual/ndcg@10": "maximize"}


def test_a_measure_that_is_not_computed_by_default_is_asked_for_by_its_objective() -> None:
    settings = StudySettings(objective=("monolingual/ndcg@10", "bias/rank_distance"), measure="mrr@10")
    assert asked_measures(settings) == ("mrr@10", "ndcg@10", "rank_distance")
    assert asked_measures(StudySettings()) == ("map",)


def test_an_objective_is_named_after_the_dev_set_in_the_results_of_trials() -> None:
    (objective,) = parse_objectives(["overall/map"])
    assert (objective.metric, objective.on_dev, objective.measure) == ("overall/map", "dev/overall/map", "map")


def test_a_direction_may_be_turned_round() -> None:
    found = parse_objectives(["multilingual/map:minimize", "bias/rank_distance:maximize"])
    assert found == (Objective("multilingual/map", "minimize"), Objective("bias/rank_distance", "maximize"))


def test_the_default_of_the_settings_is_an_objective() -> None:
    assert parse_objectives(StudySettings().objective) == (Objective("overall/map", "maximize"),)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["multilingual/mpa"], r"Unknown objective 'multilingual/mpa': did you mean .*multilingual/map"),
        (["dev/multilingual/map"], r"Unknown objective 'dev/multilingual/map'"),
        ([""], r"Unknown objective ''"),
        (["overall/mpa"], r"Unknown objective 'overall/mpa': did you mean .*overall/map"),
        (["multilingual/recall"], r"Unknown objective 'multilingual/recall': did you mean multilingual/recall@1"),
        (["bias/map"], r"Unknown objective 'bias/map'"),
        (["multilingual/rank_distance"], r"Unknown objective 'multilingual/rank_distance'"),
        (["bias/same_language_share@10"], r"Unknown objective 'bias/same_language_share@10'"),
        (["multilingual/map/de"], r"Unknown objective 'multilingual/map/de'"),
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


def test_the_example_is_right() -> None:
    assert doctest.testmod(sys.modules[Objective.__module__]).failed == 0
