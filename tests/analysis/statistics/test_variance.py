import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.variance import between_groups, two_way


def crossed(rng: np.random.Generator, seeds: int, questions: int, sd: tuple[float, float, float]) -> np.ndarray:
    return (
        rng.normal(0, sd[0], (seeds, 1))
        + rng.normal(0, sd[1], (1, questions))
        + rng.normal(0, sd[2], (seeds, questions))
    )


def test_mean_squares_agree_with_an_analysis_of_variance() -> None:
    values = crossed(np.random.default_rng(0), 4, 9, (0.5, 1.0, 0.7))
    seed, question = np.indices(values.shape)
    frame = pd.DataFrame({"y": values.ravel(), "s": seed.ravel(), "q": question.ravel()})
    table = sm.stats.anova_lm(smf.ols("y ~ C(s) + C(q)", frame).fit())
    squares = table["sum_sq"] / table["df"]
    parts = two_way(values)
    assert (parts.seed_square, parts.question_square, parts.rest_square) == pytest.approx(tuple(squares))


def test_the_standard_error_is_that_of_the_mean() -> None:
    rng = np.random.default_rng(1)
    sd = (0.3, 0.5, 1.0)
    found = [two_way(crossed(rng, 6, 40, sd)) for _ in range(3_000)]
    truth = sd[0] ** 2 / 6 + sd[1] ** 2 / 40 + sd[2] ** 2 / 240
    assert np.mean([p.standard_error**2 for p in found]) == pytest.approx(truth, rel=0.05)
    assert np.var([p.estimate for p in found]) == pytest.approx(truth, rel=0.08)


def test_seeds_alone_give_student_s_statistic() -> None:
    by_seed = np.random.default_rng(2).normal(0.5, 1, 7)
    parts = two_way(np.tile(by_seed[:, None], (1, 30)))
    assert parts.statistic == pytest.approx(stats.ttest_1samp(by_seed, 0).statistic)


def test_questions_alone_give_student_s_statistic() -> None:
    by_question = np.random.default_rng(3).normal(0.1, 1, 50)
    parts = two_way(np.tile(by_question, (4, 1)))
    assert parts.statistic == pytest.approx(stats.ttest_1samp(by_question, 0).statistic)


@pytest.mark.parametrize(("value", "statistic"), [(0.0, 0.0), (0.1, np.inf), (-0.1, -np.inf)])
def test_constant_values_have_no_spread(value: float, statistic: float) -> None:
    parts = two_way(np.full((5, 149), value))
    assert parts.standard_error == 0
    assert parts.statistic == statistic


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.floats(0.1, 10))
def test_shift_and_scale_act_on_the_estimate_and_the_error(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = crossed(rng, int(rng.integers(2, 6)), int(rng.integers(2, 30)), (0.2, 0.5, 0.4))
    one, other = two_way(values), two_way(shift + scale * values)
    assert other.estimate == pytest.approx(shift + scale * one.estimate, abs=1e-9)
    assert other.standard_error == pytest.approx(scale * one.standard_error, rel=1e-6)


def test_seeds_and_questions_in_another_order_change_nothing() -> None:
    rng = np.random.default_rng(4)
    values = crossed(rng, 5, 20, (0.2, 0.5, 0.4))
    one, other = two_way(values), two_way(values[rng.permutation(5)][:, rng.permutation(20)])
    assert one.standard_error == pytest.approx(other.standard_error)


@pytest.mark.parametrize("shape", [(1, 10), (10, 1)])
def test_a_single_seed_or_question_has_no_decomposition(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="Two seeds and two questions"):
        two_way(np.zeros(shape))


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_the_variance_between_groups_is_that_of_a_nested_analysis_of_variance(
    groups: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.5, (groups, 1)) + rng.normal(0, 1, (groups, size))
    within = values.var(axis=1, ddof=1).mean()
    between = size * values.mean(axis=1).var(ddof=1)
    names = np.repeat(np.arange(groups), size)
    order = rng.permutation(groups * size)
    found = between_groups(values.ravel()[order], list(names[order]))
    assert found == pytest.approx(max(0.0, (between - within) / size))


def test_unequal_groups_do_not_bias_the_variance_between_them() -> None:
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(40), 1 + np.arange(40) % 4)
    found = [
        between_groups(rng.normal(0, 0.5, 40)[names] + rng.normal(0, 0.3, len(names)), list(names)) for _ in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.25, abs=0.01)


def test_what_cannot_be_told_apart_is_not() -> None:
    assert between_groups(np.array([0.1, 0.2, 0.4]), [0, 1, 2]) is None
    assert between_groups(np.array([0.1, 0.2, 0.4]), [0, 0, 0]) is None
    assert between_groups(np.array([0.1, 0.1, 0.1, 0.1]), [0, 0, 1, 1]) == 0.0
