from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.comparison import Comparison
from analysis.statistics.errors import StatisticsError
from analysis.statistics.power import smallest_detectable
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import Contrast, arm_mean, compare
from analysis.statistics.variance import TwoWay

QUESTIONS = 150


def table_of(values: np.ndarray) -> QuestionTable:
    return QuestionTable.from_cells(
        range(len(values)), [str(q) for q in range(values.shape[1])], ["ar", "en"], np.stack([values, values], axis=2)
    )


def arm(rng: np.random.Generator, shift: float = 0.0, seeds: int = 5, run_sd: float = 0.1) -> QuestionTable:
    difficulty = np.random.default_rng(0).beta(1, 1, QUESTIONS)
    return table_of(shift + difficulty + rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, run_sd, (seeds, QUESTIONS)))


def judge(first: QuestionTable, second: QuestionTable, **options: object) -> Comparison:
    contrast = replace(Contrast(first, second), **options)
    return compare([contrast], resamples=1_000)[0]


@pytest.mark.parametrize(
    ("shift", "run_sd", "higher_is_better", "verdict"),
    [
        (0.1, 0.1, True, "better"),
        (-0.1, 0.1, True, "worse"),
        (0.1, 0.1, False, "worse"),
        (-0.1, 0.1, False, "better"),
        (0.001, 0.002, True, "equivalent"),
        (0.0, 0.1, True, "not separable"),
    ],
)
def test_the_verdict_says_which_arm_is_better(
    shift: float, run_sd: float, higher_is_better: bool, verdict: str
) -> None:
    old = arm(np.random.default_rng(1))
    noise = table_of(np.random.default_rng(2).normal(shift, run_sd, (5, QUESTIONS)))
    new = replace(old, sums=old.sums + noise.sums)
    found = judge(new, old, higher_is_better=higher_is_better)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(noise.estimate)
    assert (found.n_seeds, found.n_questions, found.obstacle) == (5, 150, "")
    assert found.interval is not None


def test_pairing_removes_what_seeds_and_questions_have_in_common() -> None:
    old = arm(np.random.default_rng(1), run_sd=0.0)
    new = replace(old, sums=old.sums + table_of(np.random.default_rng(2).normal(0.02, 0.02, (5, QUESTIONS))).sums)
    found = judge(new, old)
    alone = arm_mean(new, resamples=1_000)
    assert found.interval is not None
    assert alone.interval is not None
    assert found.interval[1] - found.interval[0] < 0.2 * (alone.interval[1] - alone.interval[0])


def test_seeds_that_dominate_give_student_s_interval() -> None:
    by_seed = np.random.default_rng(3).normal(0.5, 0.05, 10)
    low, high = arm_mean(table_of(np.tile(by_seed[:, None], (1, QUESTIONS)))).interval or (0, 0)
    expected = stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
    assert high - low == pytest.approx(expected.high - expected.low, rel=0.02)
    assert low == pytest.approx(expected.low, abs=0.01)


def test_a_single_run_has_no_interval_and_no_verdict() -> None:
    one = arm(np.random.default_rng(4), 0.5, seeds=1)
    found = judge(one, arm(np.random.default_rng(5)))
    assert (found.verdict, found.interval, found.p, found.p_holm) == ("not separable", None, None, None)
    assert (found.obstacle, found.n_seeds, found.n_questions) == ("single run", 1, 150)
    assert (found.smallest_detectable, found.seeds_needed, found.p_equivalence) == (None, None, None)
    assert arm_mean(one).interval is None
    assert arm_mean(one).obstacle == "single run"


def test_a_single_question_has_no_interval() -> None:
    found = judge(table_of(np.ones((5, 1))), table_of(np.zeros((5, 1))))
    assert (found.verdict, found.interval, found.obstacle) == ("not separable", None, "single question")


def test_identical_arms_are_equivalent() -> None:
    same = arm(np.random.default_rng(7))
    found = judge(same, same)
    assert (found.verdict, found.difference, found.interval, found.p) == ("equivalent", 0.0, (0.0, 0.0), 1.0)
    assert judge(same, same, margin=None).verdict == "not separable"


def test_the_same_difference_everywhere_is_better_without_a_warning() -> None:
    old = arm(np.random.default_rng(8))
    found = judge(replace(old, sums=old.sums + 0.5), old)
    assert found.verdict == "better"
    assert found.interval == pytest.approx((0.5, 0.5))
    assert found.seeds_needed == 2


def test_unknown_comparisons_do_not_make_the_others_stricter() -> None:
    rng = np.random.default_rng(9)
    old, new = arm(rng), arm(rng, 0.02)
    pair = Contrast(new, old)
    alone = compare([pair], resamples=1_000)[0]
    single = Contrast(table_of(np.ones((5, 1))), table_of(np.zeros((5, 1))))
    family = compare([single, pair, replace(pair, arm=new.of_seeds((0,)))], resamples=1_000)
    assert family[1] == alone
    doubled = compare([pair, pair], resamples=1_000)
    assert doubled[0].p_holm == pytest.approx(min(2 * (alone.p or 0), 1))
    assert (doubled[0].smallest_detectable or 0) > (alone.smallest_detectable or 0)
    assert (alone.n_comparisons, doubled[0].n_comparisons) == (1, 2)


def test_arms_that_share_no_seed_are_refused() -> None:
    old = arm(np.random.default_rng(10))
    with pytest.raises(StatisticsError, match="share no seed"):
        judge(old, replace(old, seeds=(10, 11, 12, 13, 14)))


def test_no_contrast_gives_no_comparison() -> None:
    assert compare([]) == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.05, 0.05))
def test_exchanging_the_arms_turns_everything_round(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    first, second = arm(rng, shift), arm(rng)
    one, other = judge(first, second), judge(second, first)
    opposite = {"better": "worse", "worse": "better"}
    assert other.verdict == opposite.get(one.verdict, one.verdict)
    assert other.p == pytest.approx(one.p)
    assert other.p_equivalence == pytest.approx(one.p_equivalence)
    assert other.interval == pytest.approx(tuple(-end for end in reversed(one.interval or ())))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1, 1))
def test_what_both_arms_have_in_common_does_not_matter(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    first, second = arm(rng, 0.01), arm(rng)
    moved = judge(replace(first, sums=first.sums + shift), replace(second, sums=second.sums + shift))
    one = judge(first, second)
    assert moved.interval == pytest.approx(one.interval)
    assert moved.p == pytest.approx(one.p)
    assert moved.verdict == one.verdict


def test_the_order_of_seeds_does_not_matter() -> None:
    rng = np.random.default_rng(11)
    first, second = arm(rng, 0.02), arm(rng)
    other = judge(first.of_seeds((3, 1, 0, 4, 2)), second.of_seeds((2, 0, 1, 3, 4)))
    one = judge(first, second)
    assert (other.verdict, other.n_seeds, other.n_questions) == (one.verdict, one.n_seeds, one.n_questions)
    assert other.p == pytest.approx(one.p)
    assert other.interval == pytest.approx(one.interval)


def crossed(rng: np.random.Generator, seeds: int) -> np.ndarray:
    return (
        rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, 0.06, (1, QUESTIONS)) + rng.normal(0, 0.12, (seeds, QUESTIONS))
    )


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10])
def test_at_most_one_null_comparison_in_twenty_is_called_better_or_worse(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    zero = table_of(np.zeros((seeds, QUESTIONS)))
    simulations = 1_000
    verdicts = [
        compare([Contrast(table_of(crossed(rng, seeds)), zero)], resamples=400, seed=n % 5)[0].verdict
        for n in range(simulations)
    ]
    wrong = sum(v in ("better", "worse") for v in verdicts) / simulations
    assert 0.01 <= wrong <= 0.05


@pytest.mark.slow
def test_at_most_one_family_in_twenty_holds_a_wrong_verdict() -> None:
    rng = np.random.default_rng(12)
    zero = table_of(np.zeros((5, QUESTIONS)))
    simulations, wrong = 400, 0
    for number in range(simulations):
        family = [Contrast(table_of(crossed(rng, 5)), zero, margin=None) for _ in range(4)]
        wrong += any(c.verdict != "not separable" for c in compare(family, resamples=1_000, seed=number % 5))
    assert wrong / simulations <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / simulations)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10])
def test_a_difference_at_the_edge_of_the_margin_is_rarely_called_equivalent(seeds: int) -> None:
    rng = np.random.default_rng(13)
    zero = table_of(np.zeros((seeds, QUESTIONS)))
    edge = 0.05
    verdicts = [
        compare([Contrast(table_of(edge + crossed(rng, seeds)), zero, margin=edge)], resamples=200)[0]
        for _ in range(1_000)
    ]
    wrong = np.mean([c.verdict == "equivalent" for c in verdicts])
    assert 0.03 <= wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10])
def test_the_smallest_detectable_difference_is_detected_in_about_four_of_five_studies(seeds: int) -> None:
    rng = np.random.default_rng(14)
    rest = 0.12**2
    truth = TwoWay(0.0, QUESTIONS * 0.01**2 + rest, seeds * 0.06**2 + rest, rest, seeds, QUESTIONS)
    target = smallest_detectable(truth, 0.05)
    assert target is not None
    zero = table_of(np.zeros((seeds, QUESTIONS)))
    found = [
        compare([Contrast(table_of(target + crossed(rng, seeds)), zero)], resamples=400, seed=n % 5)[0]
        for n in range(1_000)
    ]
    assert 0.72 <= np.mean([c.verdict == "better" for c in found]) <= 0.85


def test_no_detectable_difference_of_a_share_exceeds_one_but_that_of_ranks_may() -> None:
    rng = np.random.default_rng(15)
    noisy = table_of(rng.normal(0, 0.6, (3, 1)) + rng.normal(0, 0.01, (3, QUESTIONS)))
    zero = table_of(np.zeros((3, QUESTIONS)))
    shares, ranks = (
        compare([Contrast(noisy, zero, higher_is_better=higher)], resamples=200)[0] for higher in (True, False)
    )
    assert shares.smallest_detectable is None
    assert (ranks.smallest_detectable or 0) > 1


def test_two_seeds_have_a_verdict_but_no_planning_numbers() -> None:
    found = judge(arm(np.random.default_rng(16), seeds=2), arm(np.random.default_rng(17), seeds=2))
    assert (found.smallest_detectable, found.seeds_needed) == (None, None)
    assert found.interval is not None
