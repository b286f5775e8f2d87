"""Signs that the stated error rates may not hold: what skewed questions, bad seeds and rare events leave to see.

Intervals rest on seeds that are roughly normal and on questions of which no few decide. Where the numbers at hand say
otherwise, the report says so. What the numbers cannot say is named as well: an event that is too rare to have occurred.
How often each sign appears where it should, and where it should not, is in docs/statistics.md.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import special

from analysis.statistics.comparison import QUESTION_LOSS, RARE_QUESTION, RARE_SEED, SEED_LOSS
from analysis.statistics.moderation import prior
from analysis.statistics.panel import Panel

SKEWED = 0.2
"""Skewness of an estimate from which a t interval is no longer good (Cochran 1977, section 2.15: n > 25 G²)."""

UNSEEN = 0.05
"""An event that stays unseen with a greater chance than this is too rare for the sample."""

_FAR = 0.01


def is_skewed(skewness: float) -> bool:
    """Whether a few questions decide about an estimate of this skewness."""
    return abs(skewness) > SKEWED


def would_not_survive(distance: float, n_seeds: int | None, n_questions: int) -> bool:
    """Whether a rare event that the sample may well have missed would undo a verdict.

    Args:
        distance: how far the nearer end of the interval is from the bound that it must not touch.
        n_seeds: seeds of each arm; None where they are given, and no other training is asked about.
        n_questions: questions.
    """
    of_seeds = n_seeds is not None and (1 - RARE_SEED) ** n_seeds > UNSEEN and distance < RARE_SEED * SEED_LOSS
    of_questions = (1 - RARE_QUESTION) ** n_questions > UNSEEN and distance < RARE_QUESTION * QUESTION_LOSS
    return of_seeds or of_questions


@lru_cache(maxsize=16)
def far_seeds(panel: Panel) -> tuple[tuple[str, int], ...]:
    """Returns the seeds that lie far from the other seeds of their arm: arm and seed.

    The deviation of a seed's mean from that of the arm's other seeds is tested by their spread, strengthened by that of
    the other arms, at 1 % over all seeds of all arms. At least three seeds are needed.
    """
    arms, seeds = panel.seed_means.shape
    if seeds < 3 or arms < 2 or panel.seeds_are_given:
        return ()
    found = []
    for place, arm in enumerate(panel.arms):
        others = np.delete(panel.own_seed_squares, place) / len(panel.questions)
        centre, borrowed = prior(others, seeds - 1)
        own = panel.seed_means[place]
        for number, seed in enumerate(panel.seeds):
            rest = np.delete(own, number)
            freedom = seeds - 2 + borrowed
            variance = ((seeds - 2) * float(rest.var(ddof=1)) + borrowed * centre) / freedom
            error = math.sqrt(variance * (1 + 1 / (seeds - 1)))
            distance = abs(float(own[number] - rest.mean()))
            if error > 0 and 2 * special.stdtr(freedom, -distance / error) < _FAR / (arms * seeds):
                found.append((arm, seed))
    return tuple(found)
