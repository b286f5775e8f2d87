import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.randomisation import paired_p_value


def test_seeds_alone_give_the_p_value_of_student_s_t_test() -> None:
    by_seed = np.random.default_rng(0).normal(0.6, 1, 5)
    values = np.tile(by_seed[:, None], (1, 400))
    assert paired_p_value(values, 20_000, 0) == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, abs=0.015)


def test_questions_alone_give_the_p_value_of_a_sign_flip_test() -> None:
    by_question = np.random.default_rng(1).laplace(0.08, 1, 400)
    expected = stats.permutation_test(
        (by_question,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(2)
    )
    assert paired_p_value(np.tile(by_question, (60, 1)), 20_000, 0) == pytest.approx(expected.pvalue, abs=0.015)


def test_five_seeds_can_reach_small_p_values() -> None:
    values = 0.1 + np.random.default_rng(3).normal(0, 0.2, (5, 200))
    assert paired_p_value(values, 10_000, 0) == pytest.approx(1 / 10_001)


@pytest.mark.parametrize("sd", [0.0, 0.1])
def test_no_difference_at_all_has_p_value_one(sd: float) -> None:
    values = np.random.default_rng(4).normal(0, sd, (5, 50))
    assert paired_p_value(values - values.mean(), 500, 0) == pytest.approx(1, abs=0.01)


def test_the_same_difference_everywhere_has_the_least_p_value() -> None:
    assert paired_p_value(np.full((5, 50), 0.01), 999, 0) == 0.001


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_sign_and_scale_do_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.02, 0.1, (4, 30)) + rng.normal(0, 0.03, (4, 1))
    p = paired_p_value(values, 400, 0)
    assert 0 < p <= 1
    assert paired_p_value(-values, 400, 0) == p
    assert paired_p_value(scale * values, 400, 0) == pytest.approx(p, abs=0.01)


def test_the_order_of_seeds_and_questions_matters_by_sampling_error_only() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.01, 0.1, (5, 80)) + rng.normal(0, 0.01, (5, 1))
    shuffled = values[rng.permutation(5)][:, rng.permutation(80)]
    assert paired_p_value(values, 20_000, 0) == pytest.approx(paired_p_value(shuffled, 20_000, 0), abs=0.015)


def test_a_single_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="Two seeds"):
        paired_p_value(np.ones((1, 10)), 100, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(
    ("seed_sd", "question_sd", "run_sd"), [(0.01, 0.1, 0.2), (0.02, 0.1, 0.2), (0.01, 0.01, 0.01), (0.0, 0.3, 0.05)]
)
def test_the_test_errs_no_more_often_than_it_says(
    seeds: int, seed_sd: float, question_sd: float, run_sd: float
) -> None:
    rng = np.random.default_rng(seeds)
    simulations, wrong = 1_500, 0
    for number in range(simulations):
        values = rng.normal(0, seed_sd, (seeds, 1)) + rng.normal(0, question_sd, (1, 150))
        # Most questions show no difference, as when both arms rank the answer first.
        values = values + rng.normal(0, run_sd * 2, (seeds, 150)) * (rng.random((seeds, 150)) < 0.25)
        wrong += paired_p_value(values, 500, number % 5) <= 0.05
    # Three standard errors of the simulation above the level.
    assert wrong / simulations <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / simulations)
