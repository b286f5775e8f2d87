import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.errors import StatisticsError
from analysis.statistics.ratios import compare_ratio


def test_the_interval_is_that_of_the_paired_t_test_of_the_logarithms() -> None:
    generator = np.random.default_rng(0)
    arm, baseline = generator.lognormal(0.1, 0.05, 6), generator.lognormal(0.0, 0.05, 6)
    found = compare_ratio(arm.tolist(), baseline.tolist(), margin=0.05, number=3)
    expected = stats.ttest_rel(np.log(arm), np.log(baseline)).confidence_interval(1 - 0.05 / 3)
    assert found.interval == pytest.approx(tuple(np.exp(expected)))
    assert found.ratio == pytest.approx(math.exp(np.log(arm / baseline).mean()))


def test_two_identical_arms_are_equivalent() -> None:
    found = compare_ratio([3.0, 4.0, 5.0], [3.0, 4.0, 5.0], margin=0.001, number=50)
    assert (found.ratio, found.interval, found.verdict) == (1.0, (1.0, 1.0), "equivalent")


@pytest.mark.parametrize(("higher", "verdict"), [(False, "better"), (True, "worse")])
def test_less_is_better_or_worse(higher: bool, verdict: str) -> None:
    found = compare_ratio([80.0, 82.0, 79.0], [100.0, 101.0, 99.0], margin=0.05, higher_is_better=higher)
    assert found.verdict == verdict


def test_a_verdict_does_not_depend_on_which_arm_is_the_baseline() -> None:
    one, other = [1.0, 1.1, 1.3, 1.2], [1.0, 1.2, 1.2, 1.1]
    there, back = compare_ratio(one, other, margin=0.05), compare_ratio(other, one, margin=0.05)
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.verdict == back.verdict


def test_a_single_seed_has_no_interval() -> None:
    found = compare_ratio([2.0], [1.0], margin=0.05)
    assert (found.ratio, found.interval, found.verdict) == (pytest.approx(2.0), None, "not separable")


@pytest.mark.parametrize(("arm", "baseline"), [([], []), ([1.0], [1.0, 2.0]), ([0.0, 1.0], [1.0, 1.0])])
def test_what_has_no_ratio_is_refused(arm: list[float], baseline: list[float]) -> None:
    with pytest.raises(StatisticsError):
        compare_ratio(arm, baseline, margin=0.05)


def test_a_family_of_true_nulls_errs_in_one_study_of_twenty_at_most() -> None:
    generator, studies, family = np.random.default_rng(1), 600, 4
    wrong = 0
    for _ in range(studies):
        ratios = np.exp(0.03 * generator.normal(size=(family, 5)))
        verdicts = [compare_ratio(one, np.ones(5), margin=0.05, number=family).verdict for one in ratios]
        wrong += any(verdict in ("better", "worse") for verdict in verdicts)
    assert wrong / studies <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / studies)
