"""What a comparison could have found: power, smallest detectable difference, seeds needed."""

import math
from functools import lru_cache

import numpy as np
from scipy import special, stats

from analysis.statistics.estimate import Estimate
from analysis.statistics.panel import Components
from analysis.statistics.questions import Values
from analysis.statistics.spread import Spread

WANTED = 0.8
"""The chance with which a difference is to be found: 4 of 5 studies."""

FEWEST_SEEDS = 3
"""With two seeds the spread between them rests on one or two degrees of freedom: nothing can be planned with it."""

_POINTS = 1_024
_DIMENSIONS = 16
"""Enough for the mean squares of six arms in two studies."""


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
    spread: Spread, n_seeds: int, level: float, *, largest: float = math.inf
) -> tuple[float, tuple[float, float]] | None:
    """Returns the true difference that another study like this one finds with chance .8, and a 95 % interval for it.

    The variances between seeds and between questions are estimates, too. The difference is the one that is found in
    4 of 5 studies on average over the studies that could have promised it, so that the promise holds for what is
    printed: a multiple of this study's standard error, which would differ from study to study. How many times depends
    on what seeds and questions contribute. Few seeds that agree look unimportant; for this they count with the median
    of what they may truly be (inverse chi² distribution).

    The interval says between which differences it would lie if the variances were known: at the ends of the 95 %
    interval of their sum by Graybill and Wang (1980).

    None with fewer than three seeds, and where even the `largest` difference that the metric can have would be missed.
    """
    if n_seeds < FEWEST_SEEDS:
        return None
    seeds, questions = spread.shrunk(spread.own), spread.questions
    if not spread.variance(seeds, questions):
        return 0.0, (0.0, 0.0)
    likely = (seeds * spread.seed_freedom / (2 * special.gammaincinv(spread.seed_freedom / 2, 0.5)))[:, None]
    promised = np.sqrt(spread.variance(*_scattered(likely, questions, spread.seed_freedom, spread, 0)))
    needed = _needed(spread, likely, questions, level)
    times = float(
        np.quantile(np.divide(needed, promised, out=np.full_like(needed, np.inf), where=promised > 0), WANTED)
    )
    size = times * float(np.sqrt(spread.variance(seeds, questions)))
    low, high = (
        float(np.quantile(_needed(spread, at[:-1, None], float(at[-1]), level), WANTED))
        for at in _ends(
            np.append(seeds, questions), np.array([*[spread.seed_freedom] * len(seeds), spread.question_freedom])
        )
    )
    return None if size > largest or not math.isfinite(size) else (size, (low, min(high, largest)))


def _ends(squares: Values, freedom: Values) -> tuple[Values, Values]:
    """The mean squares [squares] at the lower and the upper end of the 95 % interval of their sum."""
    below = squares * (1 - freedom / special.chdtri(freedom, 0.025))
    above = squares * (freedom / special.chdtri(freedom, 0.975) - 1)
    return squares - below**2 / np.linalg.norm(below), squares + above**2 / np.linalg.norm(above)


def _needed(spread: Spread, seeds: Values, questions: float, level: float) -> Values:
    """The true differences that studies would just find, by the luck of their means and mean squares: [points].

    seeds [arms, 1] and questions: the true mean squares.
    """
    of_seeds, of_questions = _scattered(seeds, questions, spread.own_freedom, spread, len(seeds) + 1)
    its_seeds = spread.tested(of_seeds)
    error = np.sqrt(spread.variance(its_seeds, of_questions))
    critical = special.stdtrit(spread.degrees(its_seeds, of_questions), 1 - level / 2)
    luck = special.ndtri(_uniform()[2 * len(seeds) + 2]) * np.sqrt(spread.variance(seeds, questions))
    found: Values = critical * error - luck
    return found


def _scattered(
    seeds: Values, questions: float, seed_freedom: float, spread: Spread, dimension: int
) -> tuple[Values, Values]:
    """The mean squares that studies find where these are the true ones: [arms, points] and [points]."""
    of_seeds = np.stack([one * _chi_square(dimension + arm, seed_freedom) for arm, one in enumerate(seeds)])
    return of_seeds, questions * _chi_square(dimension + len(seeds), spread.question_freedom)


@lru_cache(maxsize=256)
def _chi_square(dimension: int, freedom: float) -> Values:
    """Evenly spread draws of a chi² variable per degree of freedom: [points]."""
    found: Values = special.gammaincinv(freedom / 2, _uniform()[dimension]) * 2 / freedom
    return found


@lru_cache(maxsize=1)
def _uniform() -> Values:
    """Evenly spread points of the unit cube: [dimensions, points]."""
    points: Values = stats.qmc.Sobol(_DIMENSIONS, scramble=True, rng=np.random.default_rng(0)).random(_POINTS).T
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
