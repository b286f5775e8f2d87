"""Every number about several arms, recomputed from the values by other programs."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Components, Panel
from analysis.statistics.questions import QuestionTable


def panel_of(values: np.ndarray) -> Panel:
    """Of values [arms, seeds, questions]; the arms are called a, b, c, ..."""
    arms, seeds, questions = values.shape
    return Panel(tuple("abcdefghijklmno"[:arms]), tuple(range(seeds)), tuple(str(q) for q in range(questions)), values)


def crossed(rng: np.random.Generator, arms: int, seeds: int, questions: int, sd: tuple[float, float, float]):
    return (
        rng.normal(0, sd[0], (arms, seeds, 1))
        + rng.normal(0, sd[1], (arms, 1, questions))
        + rng.normal(0, sd[2], (arms, seeds, questions))
    )


def table(values: np.ndarray, seeds: tuple[int, ...]) -> QuestionTable:
    return QuestionTable.from_cells(seeds, [str(q) for q in range(values.shape[1])], ["x"], values[:, :, None])


def test_mean_squares_agree_with_an_analysis_of_variance_of_each_arm() -> None:
    panel = panel_of(crossed(np.random.default_rng(0), 3, 4, 9, (0.5, 1.0, 0.7)))
    for place in range(3):
        seed, question = np.indices((4, 9))
        frame = pd.DataFrame({"y": panel.values[place].ravel(), "s": seed.ravel(), "q": question.ravel()})
        anova = sm.stats.anova_lm(smf.ols("y ~ C(s) + C(q)", frame).fit())
        squares = anova["sum_sq"] / anova["df"]
        assert panel.own_seed_squares[place] == pytest.approx(squares["C(s)"])
        assert panel.rest_squares[place] == pytest.approx(squares["Residual"])


def test_seeds_of_two_arms_are_independent_samples() -> None:
    """Where nothing but seeds varies a difference is Welch's t test, not the paired one."""
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 5, 6)
    by_seed = np.stack([shared + rng.normal(0.5, 1, 6), shared + rng.normal(0, 3, 6)])
    found = panel_of(np.tile(by_seed[:, :, None], (1, 1, 50))).difference("a", "b")
    welch = stats.ttest_ind(by_seed[0], by_seed[1], equal_var=False)
    assert found.statistic == pytest.approx(welch.statistic)
    assert found.degrees_of_freedom == pytest.approx(welch.df)
    assert found.p_value == pytest.approx(welch.pvalue)
    assert found.p_value > 5 * stats.ttest_rel(by_seed[0], by_seed[1]).pvalue


def test_questions_of_two_arms_are_paired() -> None:
    rng = np.random.default_rng(2)
    by_question = rng.normal(0, 5, 60) + np.stack([rng.normal(0.5, 1, 60), rng.normal(0, 1, 60)])
    found = panel_of(np.tile(by_question[:, None], (1, 4, 1))).difference("a", "b")
    paired = stats.ttest_rel(by_question[0], by_question[1])
    assert found.statistic == pytest.approx(paired.statistic)
    assert found.degrees_of_freedom == pytest.approx(59)
    skewness = stats.skew(by_question[0] - by_question[1]) / np.sqrt(60)
    # Of the estimate, whose variance is taken with one degree of freedom less.
    assert found.skewness == pytest.approx(skewness * (59 / 60) ** 1.5)
    assert found.p_value >= paired.pvalue


def test_the_standard_error_is_that_of_differences_of_new_seeds_and_new_questions() -> None:
    rng = np.random.default_rng(3)
    found = [panel_of(crossed(rng, 2, 5, 40, (0.3, 0.5, 1.0))).difference("a", "b") for _ in range(3_000)]
    truth = 2 * (0.3**2 / 5 + 0.5**2 / 40 + 1 / 200)
    assert np.mean([one.standard_error**2 for one in found]) == pytest.approx(truth, rel=0.05)
    assert np.var([one.value for one in found]) == pytest.approx(truth, rel=0.08)


def test_components_are_unbiased() -> None:
    rng = np.random.default_rng(4)
    panels = [panel_of(crossed(rng, 2, 6, 40, (0.3, 0.5, 1.0))) for _ in range(3_000)]
    found = [panel.components(panel.weights({"a": 1, "b": -1})) for panel in panels]
    assert np.mean([one.seed for one in found]) == pytest.approx(2 * 0.3**2, rel=0.05)
    assert np.mean([one.question for one in found]) == pytest.approx(2 * 0.5**2, rel=0.05)
    assert np.mean([one.rest for one in found]) == pytest.approx(2 * 1.0**2, rel=0.02)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 8), st.integers(2, 40))
def test_components_add_up_to_the_variance(seed: int, arms: int, seeds: int, questions: int) -> None:
    rng = np.random.default_rng(seed)
    panel = panel_of(crossed(rng, arms, seeds, questions, tuple(rng.uniform(0, 0.3, 3))))
    weights = panel.weights({"a": 1, "b": -1})
    parts, found = panel.components(weights), panel.estimate(weights)
    assert parts.variance == pytest.approx(found.standard_error**2)
    assert min(parts.seed, parts.question, parts.rest) >= -1e-15
    assert parts.of_seeds(seeds + 1) <= parts.variance + 1e-15
    assert found.degrees_of_freedom >= seeds - 1


def test_more_seeds_leave_the_doubt_of_the_questions() -> None:
    parts = Components(0.3**2, 0.5**2, 0.4**2, 5, 200)
    assert parts.variance == pytest.approx(0.3**2 / 5 + 0.5**2 / 200 + 0.4**2 / 1000)
    assert parts.of_seeds(10**9) == pytest.approx(0.5**2 / 200)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_one_of_many_never_has_more_degrees_of_freedom(seed: int, seeds: int) -> None:
    rng = np.random.default_rng(seed)
    panel = panel_of(crossed(rng, 2, seeds, 60, tuple(rng.uniform(0, 0.2, 3))))
    alone, shared = (panel.difference("a", "b", is_alone=alone) for alone in (True, False))
    assert seeds - 1 <= shared.degrees_of_freedom <= alone.degrees_of_freedom
    assert (shared.value, shared.standard_error) == (alone.value, alone.standard_error)
    # The bound of a variance lies above it, so that it cannot be looser than Satterthwaite's own for seeds alone.
    assert shared.p_value >= alone.p_value - 1e-12


def test_other_arms_lend_their_degrees_of_freedom_and_nothing_else() -> None:
    rng = np.random.default_rng(5)
    values = crossed(rng, 14, 3, 150, (0.02, 0.05, 0.1))
    two, many = panel_of(values[:2]).difference("a", "b"), panel_of(values).difference("a", "b")
    assert many.value == two.value
    assert many.degrees_of_freedom > two.degrees_of_freedom + 4
    assert many.standard_error >= two.standard_error


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.floats(0.1, 10))
def test_shift_and_scale_act_on_the_estimate_and_the_error(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = crossed(rng, 3, int(rng.integers(2, 6)), int(rng.integers(2, 30)), (0.2, 0.5, 0.4))
    one, other = panel_of(values).mean("a"), panel_of(shift + scale * values).mean("a")
    assert other.value == pytest.approx(shift + scale * one.value, abs=1e-9)
    assert other.standard_error == pytest.approx(scale * one.standard_error, rel=1e-6)
    assert other.degrees_of_freedom == pytest.approx(one.degrees_of_freedom, rel=1e-6)
    assert other.skewness == pytest.approx(one.skewness, rel=1e-6, abs=1e-9)


def test_seeds_and_questions_in_another_order_change_nothing() -> None:
    rng = np.random.default_rng(6)
    values = crossed(rng, 2, 5, 20, (0.2, 0.5, 0.4))
    # The seeds of the two arms are no pairs: each arm may be in an order of its own.
    mixed = np.stack([arm[rng.permutation(5)] for arm in values])[:, :, rng.permutation(20)]
    one, other = (panel_of(v).difference("a", "b") for v in (values, mixed))
    assert other.value == pytest.approx(one.value)
    assert other.standard_error == pytest.approx(one.standard_error)
    assert other.degrees_of_freedom == pytest.approx(one.degrees_of_freedom)


@pytest.mark.parametrize("value", [0.0, 0.25, -0.1])
def test_constant_values_have_no_spread(value: float) -> None:
    found = panel_of(np.full((2, 5, 149), value)).mean("a")
    assert (found.value, found.standard_error, found.degrees_of_freedom) == (pytest.approx(value), 0.0, 4.0)
    same = panel_of(np.full((2, 5, 149), value)).difference("a", "b")
    assert (same.value, same.p_value) == (0.0, 1.0)


def test_a_panel_has_the_seeds_that_all_arms_have() -> None:
    values = np.random.default_rng(7).random((5, 8))
    panel = Panel.of({"a": table(values, (0, 1, 2, 3, 4)), "b": table(values[:4], (3, 9, 1, 0))})
    assert panel.seeds == (0, 1, 3)
    np.testing.assert_allclose(panel.values[0], values[[0, 1, 3]])
    np.testing.assert_allclose(panel.values[1], values[[3, 2, 0]])
    assert panel.is_sample
    assert not Panel.of({"a": table(values[:1], (0,))}).is_sample
    assert not Panel.of({"a": table(values[:, :1], (0, 1, 2, 3, 4))}).is_sample


def test_arms_without_a_common_seed_or_common_questions_are_refused() -> None:
    values = np.random.default_rng(8).random((2, 8))
    with pytest.raises(StatisticsError, match="a, b share no seed"):
        Panel.of({"a": table(values, (0, 1)), "b": table(values, (2, 3))})
    with pytest.raises(StatisticsError, match=r"b and a were judged on different queries \(7 and 8\)"):
        Panel.of({"a": table(values, (0, 1)), "b": table(values[:, :7], (0, 1))})


def test_weights_are_those_of_the_arms() -> None:
    panel = panel_of(np.random.default_rng(9).random((3, 4, 5)))
    np.testing.assert_array_equal(panel.weights({"c": 1.0, "a": -1.0}), [-1, 0, 1])
    assert panel.estimate(np.array([1.0, -2.0, 1.0])).value == pytest.approx(panel.means @ [1, -2, 1])
    with pytest.raises(ValueError, match="not in tuple"):
        panel.weights({"z": 1.0})


def test_unequal_numbers_of_translations_leave_the_metric_as_it_is() -> None:
    """The mean of the values is the macro mean over cells, though questions are in different numbers of languages."""
    rng = np.random.default_rng(10)
    values = rng.random((3, 30, 4))
    values[:, rng.random((30, 4)) < 0.4] = np.nan
    values[:, :, 0] = rng.random((3, 30))
    made = QuestionTable.from_cells((0, 1, 2), [str(q) for q in range(30)], list("wxyz"), values)
    panel = Panel.of({"a": made})
    np.testing.assert_allclose(panel.seed_means[0], np.nanmean(values, axis=1).mean(axis=1))


@pytest.mark.slow
@pytest.mark.parametrize("sd", [(0.01, 0.3, 0.15), (0.01, 0.08, 0.15), (0.02, 0.01, 0.05), (0.0, 0.08, 0.15)])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_cover_the_truth_as_often_as_they_say(seeds: int, sd: tuple[float, float, float]) -> None:
    """An arm of its own and a difference of two: 95 % within three standard errors of 3,000 studies, or a bit more."""
    rng = np.random.default_rng(seeds)
    hits = np.zeros(2)
    for _ in range(3_000):
        panel = panel_of(crossed(rng, 2, seeds, 150, sd))
        for place, found in enumerate((panel.mean("a"), panel.difference("a", "b"))):
            low, high = found.interval(0.05)
            hits[place] += low <= 0 <= high
    # Where seeds do not differ at all, three of them cannot show it: the interval is wider than it need be.
    assert (hits / 3_000 >= 0.938).all()
    assert (hits / 3_000 <= (0.985 if seeds == 3 or sd[0] == 0 else 0.972)).all()


@pytest.mark.slow
def test_intervals_cover_the_macro_mean_of_unequally_translated_questions() -> None:
    rng = np.random.default_rng(11)
    cells = np.array([-0.3, -0.1, 0.1, 0.3])
    hits = 0
    for _ in range(2_000):
        values = rng.normal(0, 0.01, (5, 1, 1)) + rng.normal(0, 0.2, (1, 150, 1)) + cells
        values = values + rng.normal(0, 0.1, (5, 150, 4))
        # Every question is in the first language and in a random number of the others, as in MLQA-R.
        absent = rng.random((150, 4)) < rng.random((150, 1))
        absent[:, 0] = False
        made = QuestionTable.from_cells(
            range(5), [str(q) for q in range(150)], list("wxyz"), np.where(absent, np.nan, values)
        )
        low, high = Panel.of({"a": made}).mean("a").interval(0.05)
        hits += low <= 0 <= high
    assert 0.935 <= hits / 2_000 <= 0.97
