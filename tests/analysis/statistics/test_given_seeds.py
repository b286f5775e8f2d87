"""One run of each arm: nothing is said about other trainings, and the questions are the sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import arm_mean, judge


def panel(values: np.ndarray, **options: bool) -> Panel:
    """Of values [arms, seeds, questions]."""
    seeds, questions = range(values.shape[1]), [str(number) for number in range(values.shape[2])]
    tables = {
        str(arm): QuestionTable.from_cells(seeds, questions, ["all"], of[:, :, None]) for arm, of in enumerate(values)
    }
    return Panel.of(tables, **options)


def normal(seed: int, arms: int = 2, questions: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 0.1, (arms, 1, questions))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 300), st.integers(1, 200))
def test_interval_and_p_are_at_least_those_of_the_paired_t_test(seed: int, questions: int, number: int) -> None:
    values = normal(seed, questions=questions)
    found = judge(panel(values, seeds_are_given=True), "0", "1", number, margin=None)
    expected = stats.ttest_rel(values[0, 0], values[1, 0])
    low, high = expected.confidence_interval(1 - 0.05 / number)
    assert found.interval is not None
    # Skewness may widen an interval, and differences of shares end at -1 and 1.
    assert found.interval[0] <= max(low, -1) + 1e-9
    assert found.interval[1] >= min(high, 1) - 1e-9
    assert found.p is not None
    assert found.p >= expected.pvalue - 1e-12


def test_without_skewness_they_are_those_of_the_paired_t_test() -> None:
    half = normal(0, questions=200)[0, 0] - 0.5
    one = np.concatenate([half, -half]) + 0.02
    found = judge(panel(np.stack([one, np.zeros(400)])[:, None], seeds_are_given=True), "0", "1", 1)
    expected = stats.ttest_1samp(one, 0)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.p == pytest.approx(expected.pvalue)


def test_other_trainings_are_not_asked_about() -> None:
    found = judge(panel(normal(1), seeds_are_given=True), "0", "1", 1)
    assert (found.n_seeds, found.seeds_needed, found.obstacle) == (1, None, "")
    assert found.detectable is not None
    assert found.detectable.low <= found.detectable.size <= found.detectable.high
    alone = judge(panel(normal(1)), "0", "1", 1)
    assert (alone.interval, alone.obstacle) == (None, "single run")


def test_the_detectable_difference_is_found_in_four_of_five_samples_of_questions() -> None:
    rng, found = np.random.default_rng(2), []
    size = judge(panel(normal(3, questions=200), seeds_are_given=True), "0", "1", 1).detectable
    assert size is not None
    for _ in range(300):
        values = rng.normal(0.5, 0.1, (2, 1, 200)) + np.array([size.size, 0])[:, None, None]
        found.append(judge(panel(values, seeds_are_given=True), "0", "1", 1, margin=None).verdict == "better")
    assert 0.7 < np.mean(found) < 0.9


def test_several_given_seeds_are_averaged_and_their_spread_is_left_out() -> None:
    values = np.repeat(normal(4), 3, axis=1) + np.array([-0.1, 0.0, 0.1])[:, None]
    given_seeds, sampled = (judge(panel(values, seeds_are_given=given), "0", "1", 1) for given in (True, False))
    single = judge(panel(values[:, 1:2], seeds_are_given=True), "0", "1", 1)
    assert given_seeds.interval == pytest.approx(single.interval)
    assert sampled.interval is not None
    assert sampled.interval[1] - sampled.interval[0] > 5 * (single.interval[1] - single.interval[0])


def test_the_mean_of_an_arm_has_the_interval_of_its_questions() -> None:
    values = normal(5)
    found = arm_mean(panel(values, seeds_are_given=True), "0")
    expected = stats.ttest_1samp(values[0, 0], 0).confidence_interval()
    assert found.interval == pytest.approx(tuple(expected), abs=5e-4)


def test_a_single_question_is_no_sample() -> None:
    assert judge(panel(normal(6, questions=1), seeds_are_given=True), "0", "1", 1).obstacle == "single question"


def test_equal_arms_but_for_rounding_have_no_difference() -> None:
    values = normal(7)
    values[1] = values[0] + 1e-17
    values[1, 0, 0] += 1e-16
    found = judge(panel(values, seeds_are_given=True), "0", "1", 1, margin=None)
    assert (found.verdict, found.p, found.p_ranks) == ("not separable", 1.0, 1.0)
