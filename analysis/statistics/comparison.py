"""What one comparison of two arms found, in numbers."""

from dataclasses import dataclass
from typing import Literal

LEVEL = 0.05
"""The chance that a family of comparisons may err; its intervals hold together with a chance of 1 - LEVEL."""

MARGIN = 0.005
"""Differences in mAP below half a point are taken for none, unless told otherwise."""

RARE_SEED, SEED_LOSS = 0.1, 0.1
RARE_QUESTION, QUESTION_LOSS = 0.02, 0.5
"""The rare events by which verdicts are tried: 1 in 10 trainings loses .1, 1 in 50 questions loses .5."""

Verdict = Literal["better", "worse", "equivalent", "not separable"]

Unit = Literal["seed", "search"]
"""The trainings that are sampled: a seed, or a whole search with the seeds of its arms."""

Obstacle = Literal["", "single run", "single question"]
"""Why there is no interval and no test; empty where there are both."""

Doubt = Literal["few questions", "far seed", "rare event"]
"""Why the stated error rates may not hold (analysis.statistics.doubts)."""


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
class Detectable:
    """The true difference that another study like this one finds in 4 of 5 cases, with a 95 % interval."""

    size: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """What is known about arm minus baseline. Differences are in units of the metric; unknown numbers are None.

    interval: 95 %, together with all others of the family. It decides: it lies within the margin where the verdict is
    `equivalent`, and else excludes 0 where it is `better` or `worse`.
    p: of this comparison alone; p_adjusted: the least level of the family at which the interval excludes 0;
    p_equivalence: the least one at which it lies within the margin.
    p_randomisation, p_ranks: second opinions, of this comparison alone (analysis.statistics.opinions).
    detectable: what could have been found at the level of this comparison (None: no difference that the metric can
    have, or fewer than three seeds).
    seeds_needed: seeds that find a difference as large as the margin with 80 % chance (None: no number of seeds would,
    or there is no margin, or fewer than three seeds).
    n_comparisons: how many share the error rate of the family.
    unit: what n_seeds and seeds_needed count: seeds or, where the search was repeated, searches with their seeds.
    With `sequential` the verdict is that of the sequential rule, the interval covers at all looks together, p is that
    of the last look, and p_adjusted, p_equivalence, detectable and seeds_needed are None.
    """

    difference: float
    interval: tuple[float, float] | None
    p: float | None
    p_adjusted: float | None
    p_equivalence: float | None
    margin: float | None
    verdict: Verdict
    detectable: Detectable | None
    seeds_needed: int | None
    n_seeds: int
    n_questions: int
    n_comparisons: int
    p_randomisation: float | None = None
    p_ranks: float | None = None
    doubts: tuple[Doubt, ...] = ()
    obstacle: Obstacle = ""
    unit: Unit = "seed"
    sequential: Sequential | None = None
