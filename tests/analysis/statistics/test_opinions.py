"""Second opinions agree with other programs where these answer the same question."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.errors import StatisticsError
from analysis.statistics.opinions import randomisation, ranks, sign_flips


def test_seeds_alone_give_the_p_value_of_student_s_t_test() -> None:
    by_seed = np.random.default_rng(0).normal(0.6, 1, 5)
    values = np.tile(by_seed[:, None], (1, 400))
    assert randomisation(values, 20_000) == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, abs=0.015)


def test_questions_alone_give_the_p_value_of_a_sign_flip_test() -> None:
    by_question = np.random.default_rng(1).laplace(0.08, 1, 400)
    expected = stats.permutation_test(
        (by_question,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(2)
    )
    assert randomisation(np.tile(by_question, (60, 1)), 20_000) == pytest.approx(expected.pvalue, abs=0.015)


def test_five_seeds_can_reach_small_p_values() -> None:
    values = 0.1 + np.random.default_rng(3).normal(0, 0.2, (5, 200))
    assert randomisation(values, 10_000) == pytest.approx(1 / 10_001)


@pytest.mark.parametrize("sd", [0.0, 0.1])
def test_no_difference_at_all_has_p_value_one(sd: float) -> None:
    values = np.random.default_rng(4).normal(0, sd, (5, 50))
    assert randomisation(values - values.mean(), 500) == pytest.approx(1, abs=0.01)


def test_the_same_difference_everywhere_has_the_least_p_value() -> None:
    assert randomisation(np.full((5, 50), 0.01), 999) == 0.001


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_sign_and_scale_do_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.02, 0.1, (4, 30)) + rng.normal(0, 0.03, (4, 1))
    p = randomisation(values, 400)
    assert 0 < p <= 1
    assert randomisation(-values, 400) == p
    assert randomisation(scale * values, 400) == pytest.approx(p, abs=0.01)


def test_the_order_of_seeds_and_questions_matters_by_sampling_error_only() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.01, 0.1, (5, 80)) + rng.normal(0, 0.01, (5, 1))
    shuffled = values[rng.permutation(5)][:, rng.permutation(80)]
    assert randomisation(values, 20_000) == pytest.approx(randomisation(shuffled, 20_000), abs=0.015)


def test_a_single_seed_is_refused() -> None:
    with pytest.raises(StatisticsError, match="Two seeds"):
        randomisation(np.ones((1, 10)))


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(10, 200))
def test_ranks_are_wilcoxon_s_signed_ranks(seed: int, questions: int) -> None:
    values = np.random.default_rng(seed).normal(0.05, 0.3, questions)
    expected = stats.wilcoxon(values, correction=False, method="asymptotic").pvalue
    assert abs(ranks(values)) == pytest.approx(expected)
    assert abs(ranks(-values)) == pytest.approx(expected)
    # At a p value of 1 no side is favoured.
    assert ranks(-values) * ranks(values) < 0 or ranks(values) == 1


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(5, 60))
def test_differences_that_are_tied_but_for_rounding_share_a_rank(seed: int, questions: int) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.integers(-3, 4, questions) / 8
    rounded = exact + rng.choice([-1e-17, 0.0, 1e-16], questions)
    assert ranks(rounded, 1e-12) == ranks(exact, 1e-12) == ranks(exact)


def test_arms_that_differ_by_rounding_alone_do_not_differ() -> None:
    noise = np.random.default_rng(0).choice([1e-17, 2e-17], 100)
    assert ranks(noise) < 0.001
    assert ranks(noise, 1e-12) == 1


DRAWS = 20_000
"""So many that a twentieth is six standard deviations of the difference of two p values, of which one is doubled."""


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
@example(16_900, 1.0)
def test_sign_flips_of_questions_are_those_of_scipy_and_know_no_side_and_no_scale(seed: int, scale: float) -> None:
    by_question = np.random.default_rng(seed).laplace(0.1, 1, 60)
    expected = stats.permutation_test(
        (by_question,), np.mean, permutation_type="samples", n_resamples=DRAWS, rng=np.random.default_rng(seed)
    )
    p = sign_flips(by_question, DRAWS)
    assert p == pytest.approx(expected.pvalue, abs=0.05)
    assert sign_flips(-by_question, DRAWS) == p
    assert sign_flips(scale * by_question, DRAWS) == pytest.approx(p, abs=0.01)


def test_questions_without_a_difference_count_for_both_sides() -> None:
    """Pratt (1959): zeros take their ranks and give them to nobody."""
    values = np.concatenate([np.zeros(30), np.random.default_rng(6).normal(0.2, 0.5, 40)])
    expected = stats.wilcoxon(values, zero_method="pratt", correction=False, method="asymptotic").pvalue
    assert abs(ranks(values)) == pytest.approx(expected)
    assert ranks(np.zeros(10)) == 1


def test_a_few_questions_do_not_decide_about_ranks() -> None:
    values = np.random.default_rng(7).normal(0.01, 0.02, 200)
    values[:4] = -0.9
    assert values.mean() < 0
    assert 0 < ranks(values) < 0.001


def test_the_sign_survives_where_the_p_value_is_too_small_for_a_number() -> None:
    assert np.copysign(1, ranks(-np.ones(20_000))) == -1
    assert np.copysign(1, ranks(np.ones(20_000))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(
    ("seed_sd", "question_sd", "run_sd"), [(0.01, 0.1, 0.2), (0.02, 0.1, 0.2), (0.01, 0.01, 0.01), (0.0, 0.3, 0.05)]
)
def test_the_randomisation_errs_about_as_often_as_it_says(
    seeds: int, seed_sd: float, question_sd: float, run_sd: float
) -> None:
    rng = np.random.default_rng(seeds)
    simulations, wrong = 1_500, 0
    for number in range(simulations):
        values = rng.normal(0, seed_sd, (seeds, 1)) + rng.normal(0, question_sd, (1, 150))
        # Most questions show no difference, as when both arms rank the answer first.
        values = values + rng.normal(0, run_sd * 2, (seeds, 150)) * (rng.random((seeds, 150)) < 0.25)
        wrong += randomisation(values, 500, number % 5) <= 0.05
    # Three standard errors of the simulation above the level.
    assert wrong / simulations <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / simulations)
