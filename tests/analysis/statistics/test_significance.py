"""Interval, verdict and p values of a comparison are one object, and hold for new seeds and new questions."""

from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.comparison import Comparison
from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import Contrast, arm_mean, compare, judge, judged_by_weights, verdict_of

QUESTIONS = 150

nightly = partial(pytest.param, marks=pytest.mark.nightly)


def table_of(values: np.ndarray) -> QuestionTable:
    return QuestionTable.from_cells(
        range(len(values)), [str(q) for q in range(values.shape[1])], ["ar", "en"], np.stack([values, values], axis=2)
    )


def arm(rng: np.random.Generator, shift: float = 0.0, seeds: int = 5, run_sd: float = 0.1) -> QuestionTable:
    difficulty = np.random.default_rng(0).beta(1, 1, QUESTIONS)
    return table_of(shift + difficulty + rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, run_sd, (seeds, QUESTIONS)))


def compared(first: QuestionTable, second: QuestionTable, **options: object) -> Comparison:
    return compare([replace(Contrast(first, second), **options)])[0]


def panel_of(values: np.ndarray) -> Panel:
    arms, seeds, questions = values.shape
    return Panel(tuple("abcdefghijklmno"[:arms]), tuple(range(seeds)), tuple(str(q) for q in range(questions)), values)


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
    found = compared(new, old, higher_is_better=higher_is_better)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(noise.estimate)
    assert (found.n_seeds, found.n_questions, found.obstacle) == (5, 150, "")
    assert found.interval is not None


def test_pairing_removes_what_questions_have_in_common() -> None:
    old = arm(np.random.default_rng(1), run_sd=0.0)
    new = replace(old, sums=old.sums + table_of(np.random.default_rng(2).normal(0.02, 0.02, (5, QUESTIONS))).sums)
    found = compared(new, old)
    alone = arm_mean(Panel.of({"new": new}), "new")
    assert found.interval is not None
    assert alone.interval is not None
    assert found.interval[1] - found.interval[0] < 0.4 * (alone.interval[1] - alone.interval[0])


def test_seeds_that_dominate_give_student_s_interval() -> None:
    by_seed = np.random.default_rng(3).normal(0.5, 0.05, 10)
    found = arm_mean(Panel.of({"a": table_of(np.tile(by_seed[:, None], (1, QUESTIONS)))}), "a")
    assert found.interval == pytest.approx(tuple(stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)))
    assert (found.mean, found.n_seeds, found.n_questions) == (pytest.approx(by_seed.mean()), 10, QUESTIONS)


def test_a_single_run_has_no_interval_and_no_verdict() -> None:
    one = arm(np.random.default_rng(4), 0.5, seeds=1)
    found = compared(one, arm(np.random.default_rng(5)))
    assert (found.verdict, found.interval, found.p, found.p_adjusted) == ("not separable", None, None, None)
    assert (found.obstacle, found.n_seeds, found.n_questions) == ("single run", 1, 150)
    assert (found.detectable, found.seeds_needed, found.p_equivalence) == (None, None, None)
    alone = arm_mean(Panel.of({"one": one}), "one")
    assert (alone.interval, alone.obstacle) == (None, "single run")


def test_a_single_question_has_no_interval() -> None:
    found = compared(table_of(np.ones((5, 1))), table_of(np.zeros((5, 1))))
    assert (found.verdict, found.interval, found.obstacle) == ("not separable", None, "single question")


def test_equal_values_are_no_proof_of_equal_arms() -> None:
    """Seeds are independent samples: arms that happen to agree seed by seed are as uncertain as their seeds."""
    same = arm(np.random.default_rng(7))
    found = compared(same, same)
    low, high = found.interval or (0, 0)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert 0 < high == -low
    assert found.verdict == ("equivalent" if high < 0.005 else "not separable")
    # What no seed changes is known without a doubt.
    fixed = table_of(np.tile(np.random.default_rng(7).random(QUESTIONS), (5, 1)))
    assert (compared(fixed, fixed).verdict, compared(fixed, fixed).interval) == ("equivalent", (0.0, 0.0))
    assert compared(fixed, fixed, margin=None).verdict == "not separable"


def test_the_same_difference_everywhere_is_better_without_a_warning() -> None:
    old = arm(np.random.default_rng(8))
    found = compared(replace(old, sums=old.sums + 0.5), old)
    assert found.verdict == "better"
    assert found.interval == pytest.approx((0.5, 0.5))
    assert found.seeds_needed == 2


def test_unknown_comparisons_do_not_make_the_others_stricter() -> None:
    rng = np.random.default_rng(9)
    old, new = arm(rng), arm(rng, 0.02)
    pair = Contrast(new, old)
    (alone,) = compare([pair])
    single = Contrast(table_of(np.ones((5, 1))), table_of(np.zeros((5, 1))))
    family = compare([single, pair, replace(pair, arm=new.of_seeds((0,)))])
    assert family[1] == alone
    assert [one.n_comparisons for one in family] == [1, 1, 1]


@pytest.mark.parametrize("number", [2, 40, 2_000])
def test_every_interval_of_a_family_has_its_share_of_the_error(number: int) -> None:
    """Bonferroni: no interval misses more than .05 / number; verdict, p and what is detectable follow from it."""
    panel = panel_of(crossed(np.random.default_rng(9), 2, 5) + np.array([0.05, 0.0])[:, None, None])
    alone, found = judge(panel, "a", "b", 1), judge(panel, "a", "b", number)
    estimate = panel.difference("a", "b", is_alone=False)
    assert found.interval == estimate.interval(0.05 / number)
    assert found.p == estimate.p_value
    assert found.p_adjusted == min(1.0, number * estimate.p_value)
    assert found.detectable is not None
    assert alone.detectable is not None
    assert found.detectable.size > alone.detectable.size
    assert found.interval[0] < alone.interval[0] < alone.interval[1] < found.interval[1]
    assert (found.n_comparisons, found.difference) == (number, alone.difference)


@pytest.mark.parametrize("number", [2_000, 100_000])
def test_no_family_is_too_large_to_find_what_is_there(number: int) -> None:
    """A p value has no floor: a difference of thirty standard errors is found among a hundred thousand."""
    panel = panel_of(crossed(np.random.default_rng(10), 2, 10) + np.array([0.5, 0.0])[:, None, None])
    found = judge(panel, "a", "b", number)
    assert found.verdict == "better"
    assert found.p is not None
    assert found.p < 1e-6 / number


families = st.tuples(
    st.integers(0, 10**6), st.integers(2, 6), st.floats(-0.1, 0.1), st.integers(1, 500), st.sampled_from([None, 0.02])
)


@settings(max_examples=150, deadline=None)
@given(families, st.booleans())
def test_interval_verdict_and_p_values_never_disagree(case: tuple, higher_is_better: bool) -> None:
    seed, seeds, shift, number, margin = case
    rng = np.random.default_rng(seed)
    values = crossed(rng, 2, seeds) * rng.uniform(0.05, 2) + np.array([shift, 0.0])[:, None, None]
    # A few questions that lose a lot take part in every fourth case.
    values[0] -= 0.4 * (rng.random(QUESTIONS) < 0.02) * (seed % 4 == 0)
    found = judge(panel_of(values), "a", "b", number, higher_is_better=higher_is_better, margin=margin)
    assert found.interval is not None
    low, high = found.interval
    assert found.verdict == verdict_of(found.interval, margin, higher_is_better)
    inside = margin is not None and -margin < low and high < margin
    excludes = low > 0 or high < 0
    assert (found.verdict == "equivalent") == inside
    assert (found.verdict in ("better", "worse")) == (excludes and not inside)
    if found.verdict in ("better", "worse"):
        assert (found.verdict == "better") == ((found.difference > 0) == higher_is_better)
    assert found.p_adjusted is not None
    if abs(found.p_adjusted - 0.05) > 1e-9:
        assert excludes == (found.p_adjusted < 0.05)
    if margin is not None:
        assert found.p_equivalence is not None
        assert abs(found.p_equivalence - 0.05) < 1e-9 or inside == (found.p_equivalence < 0.05)


def test_intervals_of_shares_stay_within_what_is_possible() -> None:
    rng = np.random.default_rng(18)
    near = np.clip(rng.normal(0.98, 0.2, (2, 3, 20)), 0, 1)
    panel = panel_of(near)
    low, high = arm_mean(panel, "a").interval or (0, 0)
    assert 0 <= low < high <= 1
    assert high == 1
    assert (arm_mean(panel, "a", is_share=False).interval or (0, 0))[1] > 1
    far = panel_of(np.stack([rng.random((2, 3)), rng.random((2, 3))]))
    found = judge(far, "a", "b", 100)
    assert found.interval == (-1.0, 1.0)
    assert (judge(far, "a", "b", 100, higher_is_better=False, margin=None).interval or (0, 0))[1] > 1


def test_a_difference_of_differences_is_the_sum_of_its_arms() -> None:
    values = crossed(np.random.default_rng(19), 4, 5) + np.array([0.2, 0.0, 0.05, 0.0])[:, None, None]
    panel = panel_of(values)
    found = judged_by_weights(panel, np.array([1.0, -1.0, -1.0, 1.0]), 1)
    assert found.difference == pytest.approx(values.mean(axis=(1, 2)) @ [1, -1, -1, 1])
    assert found.verdict == "better"
    both = judged_by_weights(panel, np.array([1.0, -1.0, 0.0, 0.0]), 1)
    assert both == judge(panel, "a", "b", 1)


def test_a_difference_of_differences_reaches_two() -> None:
    rng = np.random.default_rng(0)
    base = np.array([0.95, 0.05, 0.1, 0.6])[:, None, None]
    panel = panel_of(np.clip(base + rng.normal(0, 0.03, (4, 5, 60)), 0, 1))
    found = judged_by_weights(panel, np.array([1.0, -1.0, -1.0, 1.0]), 1)
    low, high = found.interval or (0, 0)
    assert 1 < low < found.difference < high < 2
    # As far apart as it may be, and no farther.
    far = panel_of(np.stack([rng.random((2, 3)) for _ in range(4)]))
    assert judged_by_weights(far, np.array([1.0, -1.0, -1.0, 1.0]), 100).interval == (-2.0, 2.0)


def test_arms_that_share_no_seed_are_refused() -> None:
    old = arm(np.random.default_rng(10))
    with pytest.raises(StatisticsError, match="share no seed"):
        compared(old, replace(old, seeds=(10, 11, 12, 13, 14)))


def test_no_contrast_gives_no_comparison() -> None:
    assert compare([]) == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.05, 0.05))
def test_exchanging_the_arms_turns_everything_round(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    first, second = arm(rng, shift), arm(rng)
    one, other = compared(first, second), compared(second, first)
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
    moved = compared(replace(first, sums=first.sums + shift), replace(second, sums=second.sums + shift))
    one = compared(first, second)
    assert moved.interval == pytest.approx(one.interval)
    assert moved.p == pytest.approx(one.p)
    assert moved.verdict == one.verdict


def test_the_order_of_seeds_does_not_matter() -> None:
    rng = np.random.default_rng(11)
    first, second = arm(rng, 0.02), arm(rng)
    other = compared(first.of_seeds((3, 1, 0, 4, 2)), second.of_seeds((2, 0, 1, 3, 4)))
    one = compared(first, second)
    assert (other.verdict, other.n_seeds, other.n_questions) == (one.verdict, one.n_seeds, one.n_questions)
    assert other.p == pytest.approx(one.p)
    assert other.interval == pytest.approx(one.interval)


def crossed(rng: np.random.Generator, arms: int, seeds: int) -> np.ndarray:
    return (
        rng.normal(0, 0.01, (arms, seeds, 1))
        + rng.normal(0, 0.04, (arms, 1, QUESTIONS))
        + rng.normal(0, 0.08, (arms, seeds, QUESTIONS))
    )


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_most_one_null_comparison_in_twenty_is_called_better_or_worse(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    simulations = 1_500
    wrong = sum(
        judge(panel_of(crossed(rng, 2, seeds)), "a", "b", 1).verdict in ("better", "worse") for _ in range(simulations)
    )
    assert 0.01 <= wrong / simulations <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / simulations)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_at_most_one_family_in_twenty_holds_a_wrong_verdict(seeds: int) -> None:
    """All 91 differences of fourteen equal arms: no two are told apart, none loses its dagger."""
    rng = np.random.default_rng(12)
    pairs = list(combinations("abcdefghijklmn", 2))
    simulations, wrong = 300, 0
    for _ in range(simulations):
        panel = panel_of(crossed(rng, 14, seeds))
        level = 0.05 / len(pairs)
        wrong += any(panel.difference(one, other, is_alone=False).p_value <= level for one, other in pairs)
    assert wrong / simulations <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / simulations)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, nightly(10)])
def test_a_difference_at_the_edge_of_the_margin_is_rarely_called_equivalent(seeds: int) -> None:
    rng = np.random.default_rng(13)
    edge = np.array([0.05, 0.0])[:, None, None]
    verdicts = [judge(panel_of(edge + crossed(rng, 2, seeds)), "a", "b", 1, margin=0.05) for _ in range(1_500)]
    wrong = np.mean([found.verdict == "equivalent" for found in verdicts])
    # An interval leaves half its level on the side of the edge.
    assert 0.01 <= wrong <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 1_500)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [nightly(3), 5, nightly(10)])
def test_the_detectable_difference_is_found_by_four_of_five_other_studies(seeds: int) -> None:
    rng = np.random.default_rng(14)
    hits, simulations = 0, 1_500
    for _ in range(simulations):
        promised = judge(panel_of(crossed(rng, 2, seeds)), "a", "b", 1).detectable
        assert promised is not None
        other = crossed(rng, 2, seeds) + np.array([promised.size, 0.0])[:, None, None]
        hits += judge(panel_of(other), "a", "b", 1, margin=None).verdict == "better"
    error = np.sqrt(0.8 * 0.2 / simulations)
    assert 0.8 - 3 * error <= hits / simulations <= 0.85


def test_no_detectable_difference_of_a_share_exceeds_one_but_that_of_ranks_may() -> None:
    rng = np.random.default_rng(15)
    noisy = rng.normal(0, 0.6, (2, 3, 1)) + rng.normal(0, 0.01, (2, 3, QUESTIONS))
    shares, ranks = (judge(panel_of(noisy), "a", "b", 1, higher_is_better=higher) for higher in (True, False))
    assert shares.detectable is None
    assert ranks.detectable is not None
    assert ranks.detectable.size > 1


def test_two_seeds_have_a_verdict_but_no_planning_numbers() -> None:
    found = compared(arm(np.random.default_rng(16), seeds=2), arm(np.random.default_rng(17), seeds=2))
    assert (found.detectable, found.seeds_needed) == (None, None)
    assert found.interval is not None


def test_questions_that_decide_alone_are_doubted() -> None:
    """Nine in ten questions gain a little, two in a hundred lose .5: the mean and the typical question disagree."""
    rng = np.random.default_rng(20)
    values = crossed(rng, 2, 5) * 0.1
    assert judge(panel_of(values), "a", "b", 1, margin=None).doubts == ()
    values[0] += 0.002
    values[0, :, :4] -= 0.9
    found = judge(panel_of(values), "a", "b", 1, margin=None)
    assert "few questions" in found.doubts
    assert found.difference < 0 < (found.p_ranks or 0) < 0.01


def test_a_verdict_that_a_rare_event_would_undo_is_doubted() -> None:
    values = crossed(np.random.default_rng(21), 2, 5) * 0.05
    for shift, doubts in ((0.05, ()), (0.008, ("rare event",))):
        found = judge(panel_of(values + np.array([shift, 0.0])[:, None, None]), "a", "b", 1, margin=0.001)
        assert (found.verdict, found.doubts) == ("better", doubts)


def test_a_seed_far_from_its_arm_is_doubted_in_the_comparisons_of_this_arm() -> None:
    values = crossed(np.random.default_rng(22), 4, 5)
    values[2, 1] -= 0.3
    panel = panel_of(values)
    assert "far seed" in judge(panel, "a", "c", 6).doubts
    assert "far seed" not in judge(panel, "a", "b", 6).doubts
