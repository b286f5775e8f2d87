"""What a comparison could have found: power, smallest detectable difference, seeds needed."""

import math

import numpy as np
from scipy import optimize, stats

from analysis.statistics.variance import TwoWay


def power(difference: float, parts: TwoWay, level: float) -> float:
    """Returns the chance that a two-sided t test at `level` finds a true `difference` (noncentral t distribution)."""
    if parts.standard_error == 0:
        return float(difference != 0)
    return _power(abs(difference) / parts.standard_error, parts.cautious_degrees_of_freedom, level)


def _power(shift: float, degrees: float, level: float) -> float:
    critical = stats.t.isf(level / 2, degrees)
    far = stats.nct.cdf(-critical, degrees, shift)
    # Far out in the tail scipy gives no number where there is nothing left to add.
    return float(stats.nct.sf(critical, degrees, shift) + (far if np.isfinite(far) else 0.0))


FEWEST_SEEDS = 3
"""With two seeds the spread between them rests on one degree of freedom: nothing can be planned with it."""


def smallest_detectable(parts: TwoWay, level: float, wanted: float = 0.8, *, largest: float = math.inf) -> float | None:
    """Returns the true difference that is found with chance `wanted` at these seeds and questions.

    None with fewer than three seeds, and where even the `largest` difference that the metric can have would be missed.
    """
    if parts.n_seeds < FEWEST_SEEDS:
        return None
    if parts.standard_error == 0:
        return 0.0
    degrees = parts.cautious_degrees_of_freedom
    critical = float(stats.t.isf(level / 2, degrees))
    shift = optimize.brentq(lambda s: _power(s, degrees, level) - wanted, 0.0, 4 * critical + 10, xtol=1e-6)
    found = float(shift) * parts.standard_error
    return found if found <= largest else None


def seeds_needed(difference: float, parts: TwoWay, level: float, wanted: float = 0.8, most: int = 1_000) -> int | None:
    """Returns the fewest seeds that find a true `difference` with chance `wanted`; None if `most` seeds would not.

    None means that the questions, not the seeds, are too few, or that there are fewer than three seeds to plan with.
    """
    if parts.n_seeds < FEWEST_SEEDS:
        return None
    if power(difference, parts.with_seeds(most), level) < wanted:
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        if power(difference, parts.with_seeds(middle), level) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low
