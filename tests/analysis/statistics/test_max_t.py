"""All pairs together: never stricter than Bonferroni, and what they say of levels and p values agrees."""

from itertools import combinations

import numpy as np
import pytest

from analysis.statistics.max_t import FEWEST_SEEDS, AllPairs, all_pairs
from analysis.statistics.panel import Panel
from analysis.statistics.significance import judge


def panel_of(arms: int, seeds: int, questions: int = 60, deviations: float | np.ndarray = 0.02, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 0.1, (arms, seeds, questions)) + rng.normal(0, 0.2, questions)
    values += rng.normal(0, 1, (arms, seeds, 1)) * np.broadcast_to(deviations, arms)[:, None, None]
    return Panel(tuple(map(str, range(arms))), tuple(range(seeds)), tuple(map(str, range(questions))), values)


@pytest.mark.parametrize(("arms", "seeds", "questions"), [(2, 5, 60), (3, 5, 60), (14, 5, 60), (8, 10, 12), (14, 5, 9)])
@pytest.mark.parametrize("level", [0.05, 0.01, 1e-4, 1e-9])
def test_it_is_at_least_bonferronis_level_and_at_most_that_of_a_single_comparison(
    arms: int, seeds: int, questions: int, level: float
) -> None:
    found = all_pairs(panel_of(arms, seeds, questions))
    assert found.number == arms * (arms - 1) // 2
    assert level / found.number <= found.level(level) <= 1.6 * level
    assert found.level(level) <= found.level(2 * level)


def test_with_many_arms_it_allows_more_than_bonferroni() -> None:
    found = all_pairs(panel_of(14, 5))
    assert found.level(0.05) > 1.3 * 0.05 / 91


def test_with_few_seeds_it_is_bonferronis_rule() -> None:
    found = all_pairs(panel_of(14, FEWEST_SEEDS - 1))
    assert found.level(0.05) == 0.05 / 91
    assert found.adjusted(1e-4) == pytest.approx(91e-4)


def test_a_p_value_is_significant_exactly_where_its_adjusted_one_is() -> None:
    found = all_pairs(panel_of(6, 5))
    for level in (0.05, 0.02, 0.003):
        at = found.level(level)
        assert found.adjusted(at) <= level * (1 + 1e-12)
        assert found.adjusted(at * (1 + 1e-6)) > level


def test_adjusted_p_values_have_no_floor_and_keep_their_order() -> None:
    found = all_pairs(panel_of(6, 5))
    values = np.geomspace(1e-30, 1, 200)
    adjusted = np.array([found.adjusted(value) for value in values])
    assert (np.diff(adjusted) >= 0).all()
    assert (adjusted <= np.minimum(1, found.number * values)).all()
    assert adjusted[0] <= 15e-30 * (1 + 1e-12)


def test_the_same_panel_gives_the_same_numbers() -> None:
    one, other = (all_pairs(panel_of(5, 5)) for _ in range(2))
    assert np.array_equal(one.least, other.least)


def test_arms_without_any_spread_are_no_trouble() -> None:
    panel = panel_of(5, 5)
    panel.values[:2] = 0.5
    found = all_pairs(panel)
    assert 0.05 / 10 <= found.level(0.05) <= 0.08


def test_the_verdict_of_a_pair_follows_from_the_share_of_its_place() -> None:
    panel = panel_of(14, 5, seed=4)
    pairs = all_pairs(panel)
    for a, b in list(combinations(panel.arms, 2))[:20]:
        # Four places share the level.
        together = judge(panel, a, b, 4 * pairs.number, pairs=pairs)
        alone = judge(panel, a, b, 4 * pairs.number)
        assert together.p == alone.p
        assert together.p_adjusted <= alone.p_adjusted
        assert alone.interval[0] <= together.interval[0] <= together.interval[1] <= alone.interval[1]
        excludes = not together.interval[0] <= 0 <= together.interval[1]
        assert excludes == (together.p_adjusted <= 0.05)


def test_pairs_that_are_judged_elsewhere_leave_their_share_to_the_others() -> None:
    pairs = AllPairs(10, np.empty(0))
    panel = panel_of(5, 5)
    assert judge(panel, "0", "1", 40, pairs=pairs).interval == judge(panel, "0", "1", 40).interval
