"""A report doubts itself where few questions decide, where a seed is far off, and where a rare event would undo it."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.doubts import far_seeds, is_skewed, would_not_survive
from analysis.statistics.panel import Panel


def panel_of(values: np.ndarray) -> Panel:
    arms, seeds, questions = values.shape
    return Panel(tuple("abcdefgh"[:arms]), tuple(range(seeds)), tuple(str(q) for q in range(questions)), values)


def noise(rng: np.random.Generator, arms: int, seeds: int, questions: int = 100) -> np.ndarray:
    return rng.normal(0, 0.01, (arms, seeds, 1)) + rng.normal(0, 0.1, (arms, seeds, questions))


def test_a_skewed_estimate_is_one_of_too_few_questions_by_cochran_s_rule() -> None:
    """n > 25 G²: of 100 questions the skewness may be 2, of 1,000 it may be 6.3."""
    for questions in (100, 1_000):
        most = np.sqrt(questions / 25)
        assert not is_skewed(0.99 * most / np.sqrt(questions))
        assert is_skewed(-1.01 * most / np.sqrt(questions))


@pytest.mark.parametrize("arms", [2, 8])
def test_a_seed_that_lost_a_lot_is_named_and_its_arm_only(arms: int) -> None:
    values = noise(np.random.default_rng(0), arms, 5)
    assert far_seeds(panel_of(values)) == ()
    values[1, 3] -= 0.3
    assert far_seeds(panel_of(values)) == (("b", 3),)


def test_without_other_arms_the_distance_is_student_s_prediction() -> None:
    """Two seeds and one to be predicted, no spread to borrow: the p value is that of a t test of two samples."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        by_seed = np.stack([rng.normal(0, 1, 3), np.zeros(3)])
        by_seed[0, 2] += rng.choice([0, 40, 4_000])
        expected = [
            stats.ttest_ind(np.delete(by_seed[0], n), by_seed[0, n : n + 1]).pvalue < 0.01 / 6 for n in range(3)
        ]
        found = {seed for arm, seed in far_seeds(panel_of(np.tile(by_seed[:, :, None], (1, 1, 20)))) if arm == "a"}
        assert [n in found for n in range(3)] == expected


def test_two_seeds_or_a_single_arm_name_nobody() -> None:
    values = noise(np.random.default_rng(2), 4, 2)
    values[0, 0] -= 0.5
    assert far_seeds(panel_of(values)) == ()
    assert far_seeds(panel_of(values[:1])) == ()


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_a_clean_panel_names_a_seed_in_one_of_a_hundred_cases(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    panels = 1_500
    named = sum(bool(far_seeds(panel_of(noise(rng, 6, seeds, 10)))) for _ in range(panels))
    assert named / panels <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / panels)


@pytest.mark.parametrize(
    ("distance", "seeds", "questions", "survives"),
    [
        # One bad seed in ten, on average: .01. A sample of 29 seeds misses such seeds in less than 5 % of studies.
        (0.011, 3, 1_000, True),
        (0.009, 3, 1_000, False),
        (0.009, 28, 1_000, False),
        (0.009, 29, 1_000, True),
        # One question in fifty loses .5, on average: .01 as well. 149 questions miss them in less than 5 %.
        (0.009, 29, 148, False),
        (0.009, 29, 149, True),
        (0.011, 3, 10, True),
    ],
)
def test_a_verdict_is_tried_by_events_that_may_have_been_missed(
    distance: float, seeds: int, questions: int, survives: bool
) -> None:
    assert would_not_survive(distance, seeds, questions) == (not survives)
