"""What one comparison of two arms found, in numbers."""

from dataclasses import dataclass
from typing import Literal

LEVEL = 0.05
"""Significance level of every verdict; intervals hold with a chance of 1 - LEVEL."""

Verdict = Literal["better", "worse", "equivalent", "not separable"]

Obstacle = Literal["", "single run", "single question"]
"""Why there is no interval and no test; empty where there are both."""


@dataclass(frozen=True)
class Sequential:
    """How a comparison was decided that was looked at after every seed (--until-separable).

    looks: seeds at each look; level: what the last one may use; sentence: the decision in plain English.
    """

    looks: tuple[int, ...]
    max_seeds: int
    level: float
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """What is known about arm minus baseline. Differences are in units of the metric; unknown numbers are None.

    interval: 95 %, of this comparison alone. p: randomisation test; p_holm: the same, adjusted for the family.
    With `sequential` the verdict is that of the sequential rule, the interval covers at all looks together, p is that
    of the t test at the last look, and p_holm, p_equivalence, smallest_detectable and seeds_needed are None.
    p_equivalence: two one-sided tests within the margin, adjusted for the family.
    smallest_detectable: the true difference found with 80 % chance at the strictest level of the family (None: no
    difference that the metric can have, or fewer than three seeds).
    seeds_needed: seeds that find a difference as large as the margin with 80 % chance at that level (None: no number
    of seeds would, or there is no margin, or fewer than three seeds).
    n_comparisons: how many were tested in the family.
    """

    difference: float
    interval: tuple[float, float] | None
    p: float | None
    p_holm: float | None
    p_equivalence: float | None
    margin: float | None
    verdict: Verdict
    smallest_detectable: float | None
    seeds_needed: int | None
    n_seeds: int
    n_questions: int
    n_comparisons: int
    obstacle: Obstacle = ""
    sequential: Sequential | None = None
