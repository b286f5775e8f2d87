"""Estimates over seeds, and which studies may share a report."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from analysis.facts.facts import Facts, estimate
from analysis.findings.pairing import main_pairs
from tests.analysis.conftest import FEW_ARMS, ArmTruth, edit_arms, train_otherwise
from trainables.errors import UserError
from trainables.options import patched


def opened(*folders) -> Facts:
    return Facts.of(map(str, folders))


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=2, max_size=12))
def test_the_interval_over_seeds_is_students(values):
    found = estimate(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-12)
    error = scipy.stats.sem(values)
    if error > 1e-9:
        low, high = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_a_single_seed_has_no_interval_and_no_seed_no_estimate():
    assert estimate([0.5]).low is None
    assert estimate([]) is None


def test_arms_with_identical_training_share_their_trials(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5)

    def add(arms):
        linear = next(arm for arm in arms if arm["arm"] == "best dynamic")
        return [*arms, {**linear, "arm": "twin", "same_as": "best dynamic"}]

    edit_arms(folder, add)
    facts = opened(folder)
    assert facts.find("twin").runs == facts.find("best dynamic").runs


def test_the_same_arm_of_two_studies_has_the_seeds_of_both(tmp_path, write_study):
    one = write_study(tmp_path, name="one", seeds=(0, 1), questions=5)
    other = write_study(tmp_path, name="other", seeds=(2, 3), questions=5)
    assert opened(one, other).find("best static").seeds == (0, 1, 2, 3)


def test_a_seed_that_occurs_twice_counts_once_and_is_named(tmp_path, write_study):
    one = write_study(tmp_path, name="one", seeds=(0, 1), questions=5)
    other = write_study(tmp_path, name="other", seeds=(1, 2), questions=5)
    facts = opened(one, other)
    assert facts.find("best static").seeds == (0, 1, 2)
    assert "Seed 1 of best static occurs in more than one study: the first study counts." in facts.problems


def test_arms_of_one_name_but_other_training_stand_for_themselves(tmp_path, write_study):
    one = write_study(tmp_path, name="one", questions=5)
    other = write_study(tmp_path, name="other", questions=5)
    faster = {"optimiser.learning_rate": 0.5}
    edit_arms(other, lambda arms: [{**arm, "config": patched(arm["config"], faster)} for arm in arms])
    facts = opened(one, other)
    assert facts.find("best static [one]").seeds == facts.find("best static [other]").seeds == (11, 12, 13)
    with pytest.raises(UserError, match="ambiguous"):
        facts.find("best static")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fingerprints": {"atlas": "fp-other"}}, "evaluation data"),
        ({"metric_definition": 2}, "metric definition"),
        ({"ties": "trec"}, "rule for ties"),
        ({"main_measure": "ndcg@10"}, "main measure"),
    ],
)
def test_studies_that_measure_differently_are_refused_with_the_reason(tmp_path, write_study, change, reason):
    one = write_study(tmp_path, name="one", questions=5)
    other = write_study(tmp_path, name="other", questions=5, **change)
    with pytest.raises(UserError, match=f"(?s)one and other.*atlas has {reason}"):
        opened(one, other)


def test_models_are_told_apart(tmp_path, write_study):
    facts = opened(write_study(tmp_path, models=("small", "large"), questions=5))
    assert {arm.label for arm in facts.arms if arm.name == "X-Y"} == {"X-Y (small)", "X-Y (large)"}


def test_levels_stand_in_the_order_in_which_the_study_names_them(tmp_path, write_study):
    facts = opened(write_study(tmp_path, models=("xs", "s"), batch_sizes=(8, 16), questions=5, search_trials=0))
    assert facts.factors == {"model": ("xs", "s"), "batch size": ("8", "16")}
    assert [arm.label for arm in facts.arms if arm.name == "X-Y"] == [
        "X-Y (xs, 8)",
        "X-Y (xs, 16)",
        "X-Y (s, 8)",
        "X-Y (s, 16)",
    ]


def test_arms_for_which_the_search_chose_other_encoders_meet(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5, search_trials=1)
    train_otherwise(folder, {"encoder.name": "large"}, "confirm-best-dynamic-*")
    facts = opened(folder)
    assert len(facts.groups) == 1
    assert facts.factors == {}
    assert {arm.model for arm in facts.arms} == {"small", "large"}
    assert [(one.name, other.name) for one, other in main_pairs(facts)] == [("best dynamic", "best static")]


def test_an_arm_from_outside_with_another_encoder_meets_the_others(tmp_path, write_study):
    mine = ArmTruth("mine", "fixed", "constant", {"family": "constant", "value": 0.4}, 1, 1, 1)
    one = write_study(tmp_path, name="one", arms=(*FEW_ARMS, mine), questions=5, search_trials=0, seeds=(0, 1))
    train_otherwise(one, {"encoder.name": "large"}, "confirm-mine-*")
    facts = opened(one)
    assert len(facts.groups) == 1
    # Nor does it part its study from one without it.
    other = write_study(tmp_path, name="other", questions=5, search_trials=0, seeds=(2, 3))
    assert opened(one, other).find("X-Y").seeds == (0, 1, 2, 3)


def test_an_unknown_arm_is_answered_with_the_known_ones(finished_study):
    with pytest.raises(UserError, match="'X-Y'"):
        opened(finished_study).find("no such arm")
