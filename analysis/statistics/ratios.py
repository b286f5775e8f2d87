"""Ratios of two arms, paired by training seed: how many times as large, and whether that is none.

>>> found = compare_ratio([80.0, 82.0, 79.0], [100.0, 101.0, 99.0], margin=0.05)
>>> round(found.ratio, 2), found.verdict
(0.8, 'better')
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.comparison import LEVEL, Verdict
from analysis.statistics.errors import StatisticsError
from analysis.statistics.estimate import Estimate
from analysis.statistics.significance import verdict_of


@dataclass(frozen=True)
class Ratio:
    """How many times as large the numbers of an arm are as those of its baseline.

    interval: None for fewer than two seeds, which have no verdict but `not separable`.
    """

    ratio: float
    interval: tuple[float, float] | None
    verdict: Verdict
    n_seeds: int
    n_comparisons: int


def compare_ratio(
    arm: Sequence[float],
    baseline: Sequence[float],
    *,
    margin: float,
    higher_is_better: bool = False,
    number: int = 1,
    level: float = LEVEL,
) -> Ratio:
    """Judges the geometric mean of the ratios by seed, one of `number` comparisons that share the level (Bonferroni).

    The logarithms of the ratios are taken for a normal sample: Student's t with n - 1 degrees of freedom. `equivalent`
    if the interval lies between 1 / (1 + margin) and 1 + margin, which is what two one-sided tests say; else `better`
    or `worse` if it excludes 1. Equal numbers have an interval of no length.

    Args:
        arm: positive numbers, one per training seed.
        baseline: those of the same seeds.
        margin: the largest relative difference that counts as none.
        higher_is_better: whether larger numbers are better.
        number: comparisons that share the level.
        level: chance that any of these verdicts is wrong.

    Raises:
        StatisticsError: there are no seeds, or a number is not positive.
    """
    if len(arm) != len(baseline) or not len(arm):
        raise StatisticsError(f"Ratios are paired by seed, but there are {len(arm)} and {len(baseline)} numbers.")
    if min(*arm, *baseline) <= 0:
        raise StatisticsError("Ratios are of positive numbers.")
    logs = np.log(arm) - np.log(baseline)
    mean, seeds = float(logs.mean()), len(logs)
    if seeds < 2:
        return Ratio(math.exp(mean), None, "not separable", seeds, number)
    spread = float(logs.std(ddof=1)) / math.sqrt(seeds)
    low, high = Estimate(mean, spread, seeds - 1).interval(level / max(number, 1))
    verdict = verdict_of((low, high), math.log1p(margin), higher_is_better)
    return Ratio(math.exp(mean), (math.exp(low), math.exp(high)), verdict, seeds, number)
