import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.bootstrap import calibrated_interval, multiplicities, question_replicates, two_level_replicates
from analysis.statistics.questions import QuestionTable
from analysis.statistics.variance import two_way


def table_of(values: np.ndarray) -> QuestionTable:
    seeds, questions, cells = values.shape
    return QuestionTable.from_cells(
        range(seeds), [str(q) for q in range(questions)], [str(c) for c in range(cells)], values
    )


def with_holes(rng: np.random.Generator, seeds: int, questions: int, cells: int) -> QuestionTable:
    values = rng.random((seeds, questions, cells))
    holes = rng.random((questions, cells)) < 0.5
    holes[:, 0] = False
    return table_of(np.where(holes, np.nan, values))


def interval(table: QuestionTable, resamples: int = 1_000, seed: int = 0) -> tuple[float, float]:
    return calibrated_interval(table, two_way(table.values), level=0.95, resamples=resamples, seed=seed)


def test_each_resample_draws_as_many_units_as_there_are() -> None:
    draws = multiplicities("questions", 37, 2_500, 1)
    assert (draws.sum(axis=1) == 37).all()
    assert draws.var() == pytest.approx(36 / 37, rel=0.02)
    np.testing.assert_array_equal(draws, multiplicities.__wrapped__("questions", 37, 2_500, 1))
    for other in (multiplicities("questions", 37, 2_500, 2), multiplicities("seeds", 37, 2_500, 1)):
        assert not np.array_equal(draws, other)


@pytest.mark.parametrize("holes", [True, False])
def test_replicates_are_the_metric_of_the_repeated_questions(holes: bool) -> None:
    rng = np.random.default_rng(0)
    table = with_holes(rng, 3, 25, 4) if holes else table_of(rng.random((3, 25, 4)))
    found = question_replicates(table, 30, 5)
    for row, drawn in zip(found, multiplicities("questions", 25, 30, 5), strict=True):
        rows = np.repeat(np.arange(25), drawn)
        repeated = table.sums[:, rows].sum(axis=1) / table.counts[rows].sum(axis=0)
        np.testing.assert_allclose(row, repeated.mean(axis=1), atol=1e-12)


def test_a_cell_without_a_query_in_a_resample_keeps_its_mean() -> None:
    values = np.full((2, 6, 2), np.nan)
    values[:, :, 0] = 0.5
    values[:, 0, 1] = 0.9
    found = question_replicates(table_of(values), 200, 0)
    assert (multiplicities("questions", 6, 200, 0)[:, 0] == 0).any()
    np.testing.assert_allclose(found, 0.7, atol=1e-12)


def test_arms_of_one_study_see_the_same_resampled_questions() -> None:
    rng = np.random.default_rng(1)
    one, other = (with_holes(np.random.default_rng(2), 3, 30, 3) for _ in range(2))
    other = QuestionTable(
        other.seeds, other.questions, other.cells, other.sums * rng.random(), other.counts, other.weights
    )
    paired = question_replicates(one.minus(other), 50, 0)
    np.testing.assert_allclose(paired, question_replicates(one, 50, 0) - question_replicates(other, 50, 0), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-2, 2), st.floats(0.1, 5))
def test_the_interval_follows_shift_scale_and_sign(seed: int, shift: float, scale: float) -> None:
    values = np.random.default_rng(seed).normal(0, 1, (4, 20, 2))
    low, high = interval(table_of(values))
    assert low < values.mean() < high
    assert interval(table_of(shift + scale * values)) == pytest.approx((shift + scale * low, shift + scale * high))
    assert interval(table_of(-values)) == pytest.approx((-high, -low))


def test_the_interval_is_the_same_for_the_same_seed_only() -> None:
    table = table_of(np.random.default_rng(3).random((5, 40, 3)))
    assert interval(table, seed=4) == interval(table, seed=4)
    assert interval(table, seed=4) != interval(table, seed=5)


def test_without_spread_between_seeds_it_is_the_plain_bootstrap_of_the_questions() -> None:
    by_question = np.random.default_rng(4).exponential(1, 400)
    low, high = interval(table_of(np.tile(by_question, (5, 1))[:, :, None]), 10_000)
    plain = stats.bootstrap((by_question,), np.mean, n_resamples=10_000, method="percentile", rng=5).confidence_interval
    width = plain.high - plain.low
    assert low == pytest.approx(plain.low, abs=0.03 * width)
    assert high == pytest.approx(plain.high, abs=0.03 * width)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_constant_values_have_an_interval_of_no_width(value: float) -> None:
    assert interval(table_of(np.full((5, 11, 3), value))) == pytest.approx((value, value), abs=1e-12)


SPREADS = {
    "arm mean": (0.01, 0.3, 0.15),
    "difference": (0.01, 0.08, 0.15),
    "seeds dominate": (0.02, 0.01, 0.05),
    "seeds are equal": (0.0, 0.08, 0.15),
}


def covered(seeds: int, spread: str, simulations: int, *, calibrated: bool, questions: int = 150) -> float:
    rng = np.random.default_rng(seeds)
    seed_sd, question_sd, run_sd = SPREADS[spread]
    hits = 0
    for number in range(simulations):
        values = rng.normal(0, seed_sd, (seeds, 1, 1)) + rng.normal(0, question_sd, (1, questions, 1))
        table = table_of(values + rng.normal(0, run_sd, (seeds, questions, 1)))
        if calibrated:
            low, high = interval(table, 500, number % 7)
        else:
            low, high = np.quantile(two_level_replicates(table, 500, number % 7), [0.025, 0.975])
        hits += low <= 0 <= high
    return hits / simulations


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seeds", [5, 7, 10])
def test_intervals_cover_the_truth_as_often_as_they_say(seeds: int, spread: str) -> None:
    # Five seeds that do not differ at all cover .970: no more than the error of this simulation may be on top.
    most = 0.98 if spread == "seeds are equal" else 0.97
    assert 0.93 <= covered(seeds, spread, 1_500, calibrated=True) <= most


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_of_few_seeds_do_not_promise_too_much(seeds: int, spread: str) -> None:
    # Where seeds do not differ at all, few of them cannot show it: the interval is wider than it need be.
    most = 0.998 if spread == "seeds are equal" else 0.985
    assert 0.93 <= covered(seeds, spread, 1_500, calibrated=True, questions=600) <= most


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("seed_sd", [0.0, 0.05, 1.0])
def test_the_interval_is_as_wide_as_its_degrees_of_freedom_ask(seeds: int, seed_sd: float) -> None:
    rng = np.random.default_rng(seeds)
    values = rng.normal(0, seed_sd, (seeds, 1)) + rng.exponential(0.3, (1, 80)) + rng.normal(0, 0.1, (seeds, 80))
    parts = two_way(values)
    low, high = interval(table_of(values[:, :, None]), 2_000)
    half = stats.t.isf(0.025, parts.interval_degrees_of_freedom) * parts.standard_error
    assert high - low == pytest.approx(2 * half)
    assert parts.cautious_degrees_of_freedom <= parts.interval_degrees_of_freedom <= parts.degrees_of_freedom


def test_replicates_without_a_width_leave_the_t_interval() -> None:
    values = np.zeros((2, 5_000, 1))
    values[0, 0] = 1.0
    table = table_of(values)
    parts = two_way(table.values)
    low, high = calibrated_interval(table, parts, level=0.02, resamples=40, seed=0)
    assert low < parts.estimate < high
    assert high - parts.estimate == pytest.approx(parts.estimate - low)


@pytest.mark.slow
def test_intervals_cover_the_macro_mean_of_unequally_translated_questions() -> None:
    rng = np.random.default_rng(6)
    cells = np.array([-0.3, -0.1, 0.1, 0.3])
    hits = 0
    for number in range(1_000):
        values = rng.normal(0, 0.01, (5, 1, 1)) + rng.normal(0, 0.2, (1, 150, 1)) + cells
        values = values + rng.normal(0, 0.1, (5, 150, 4))
        # Every question is in the first language and in a random number of the others, as in MLQA-R.
        absent = rng.random((150, 4)) < rng.random((150, 1))
        absent[:, 0] = False
        low, high = interval(table_of(np.where(absent, np.nan, values)), 500, number % 7)
        hits += low <= 0 <= high
    assert 0.93 <= hits / 1_000 <= 0.97


@pytest.mark.slow
def test_a_plain_two_level_bootstrap_of_five_seeds_is_overconfident() -> None:
    assert covered(5, "seeds dominate", 1_000, calibrated=False) < 0.91
