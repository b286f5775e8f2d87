"""What a comparison could have found: power, smallest detectable difference, seeds needed."""

import math
from functools import lru_cache

import numpy as np
from scipy import special, stats

from analysis.statistics.estimate import Estimate
from analysis.statistics.panel import Components
from analysis.statistics.questions import Values

WANTED = 0.8
"""The chance with which a difference is to be found: 4 of 5 studies."""

FEWEST_SEEDS = 3
"""With two seeds the spread between them rests on one or two degrees of freedom: nothing can be planned with it."""

_POINTS = 1_024


def power(difference: float, standard_error: float, degrees_of_freedom: float, level: float) -> float:
    """Returns the chance that a two-sided t test at `level` finds a true `difference` (noncentral t distribution)."""
    if standard_error == 0:
        return float(difference != 0)
    shift = abs(difference) / standard_error
    critical = float(special.stdtrit(degrees_of_freedom, 1 - level / 2))
    far = stats.nct.cdf(-critical, degrees_of_freedom, shift)
    # Far out in the tail scipy gives no number where there is nothing left to add.
    return float(stats.nct.sf(critical, degrees_of_freedom, shift) + (far if np.isfinite(far) else 0.0))


def smallest_detectable(
    estimate: Estimate, n_seeds: int, level: float, *, largest: float = math.inf
) -> tuple[float, tuple[float, float]] | None:
    """Returns the true difference that another study like this one finds with chance .8, and a 95 % interval for it.

    The standard error is an estimate, too. The difference is the one that is found in 4 of 5 studies on average over
    what the standard error may truly be, so that the promise holds for what is printed; the interval says between which
    differences it would lie if the true standard error were known (chi² distribution of the variance).

    None with fewer than three seeds, and where even the `largest` difference that the metric can have would be missed.
    """
    if n_seeds < FEWEST_SEEDS:
        return None
    if estimate.standard_error == 0:
        return 0.0, (0.0, 0.0)
    degrees = estimate.degrees_of_freedom
    if_estimated, if_known = _needed(degrees, level)
    low, high = (
        estimate.standard_error * if_known * math.sqrt(degrees / float(special.chdtri(degrees, tail)))
        for tail in (0.025, 0.975)
    )
    found = estimate.standard_error * if_estimated
    return None if found > largest else (found, (low, min(high, largest)))


def _needed(degrees: float, level: float) -> tuple[float, float]:
    """In standard errors of this study, the true difference that another one finds with chance .8.

    This study's standard error is W times the true one, the other's W' times; the other finds a difference of k of this
    one's standard errors if k W + Z > t W'. The second number takes W for 1.
    """
    uniform = _uniform()
    this, other = (np.sqrt(special.gammaincinv(degrees / 2, part) * 2 / degrees) for part in uniform[:2])
    needed = float(special.stdtrit(degrees, 1 - level / 2)) * other - special.ndtri(uniform[2])
    return float(np.quantile(needed / this, WANTED)), float(np.quantile(needed, WANTED))


@lru_cache(maxsize=1)
def _uniform() -> Values:
    """Evenly spread points of the unit cube: [3, points]."""
    points: Values = stats.qmc.Sobol(3, scramble=True, rng=np.random.default_rng(0)).random(_POINTS).T
    return points


def seeds_needed(
    difference: float, estimate: Estimate, components: Components, level: float, most: int = 1_000
) -> int | None:
    """Returns the fewest seeds that find a true `difference` with chance .8; None if `most` seeds would not.

    The degrees of freedom grow with the seeds. None means that the questions, not the seeds, are too few, or that there
    are fewer than three seeds to plan with.
    """
    if components.n_seeds < FEWEST_SEEDS:
        return None
    per_seed = estimate.degrees_of_freedom / (components.n_seeds - 1)

    def finds(seeds: int) -> bool:
        error = math.sqrt(max(components.of_seeds(seeds), 0.0))
        return power(difference, error, per_seed * (seeds - 1), level) >= WANTED

    if not finds(most):
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle + 1, high)
    return low
