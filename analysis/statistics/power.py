"""What a comparison could have found: power, smallest detectable difference, seeds needed."""

import math
from collections.abc import Callable
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
    spread: Spread,
    n_seeds: int | None,
    level: float,
    *,
    largest: float = math.inf,
    following: Spread | None = None,
) -> tuple[float, tuple[float, float]] | None:
    """Returns the true difference that another study like this one finds with chance .8, and a 95 % interval for it.

    The variances between seeds and between questions are estimates, too. The difference is the one that is found in
    4 of 5 studies on average over the studies that could have promised it, so that the promise holds for what is
    printed: a multiple of this study's standard error, which would differ from study to study. How many times depends
    on what seeds and questions contribute. Few seeds that agree look unimportant; for this they count with the median
    of what they may truly be (inverse chi² distribution).

    The interval says between which differences it would lie if the variances were known: at the ends of the 95 %
    interval of their sum by Graybill and Wang (1980). It is widened to the difference itself where that, which allows
    for their luck, lies beyond an end.

    None with fewer than three seeds, and where even the `largest` difference that the metric can have would be missed.
    `n_seeds` is None where seeds are given and only questions are sampled. `following` is the other study where it has
    another number of seeds than this one; then the mean squares of `spread` are those of its size, too, and the degrees
    of freedom those with which they are known.
    """
    following = spread if following is None else following
    if n_seeds is not None and n_seeds < FEWEST_SEEDS:
        return None
    seeds, questions = spread.shrunk(spread.own), spread.questions
    if not spread.variance(seeds, questions):
        return 0.0, (0.0, 0.0)
    inflated = spread.seed_freedom / (2 * float(special.gammaincinv(spread.seed_freedom / 2, 0.5)))
    needed = _needed(following, inflated * seeds[:, None], questions, level)
    promised = np.sqrt(spread.variance(*_promises(spread, inflated)))
    ratio = np.divide(needed, promised, out=np.full_like(needed, np.inf), where=promised > 0)
    times = float(np.quantile(ratio, WANTED, method="higher"))
    # Where seeds differ by little more than the rest, too many studies would find no spread to promise anything by.
    size = (
        times * float(np.sqrt(spread.variance(seeds, questions)))
        if math.isfinite(times)
        else float(np.quantile(needed, WANTED))
    )
    low, high = (float(np.quantile(_needed(following, *ends, level), WANTED)) for ends in _ends(spread))
    return None if size > largest else (size, (min(low, size), max(min(high, largest), size)))


def _promises(spread: Spread, inflated: float) -> tuple[Values, Values]:
    """The mean squares that studies like this one find: [arms, points] and [points].

    Between seeds they are the arm's own and what it has in common with the others.
    """
    own, common = spread.parts
    arms = len(own)
    of_seeds = np.stack([one * _chi_square(place, spread.own_freedom) for place, one in enumerate(own)])
    of_seeds = of_seeds + common[:, None] * _chi_square(arms, spread.common_freedom)
    return inflated * of_seeds, spread.questions * _chi_square(2 * arms + 3, spread.question_freedom)


def _ends(spread: Spread) -> list[tuple[Values, float]]:
    """The mean squares of seeds [arms, 1] and of questions at both ends of the 95 % interval of their sum."""
    own, common = spread.parts
    squares = np.array([*own, common.sum(), spread.questions])
    freedom = np.array([*[spread.own_freedom] * len(own), spread.common_freedom, spread.question_freedom])
    below = squares * (1 - freedom / special.chdtri(freedom, 0.025))
    above = squares * (freedom / special.chdtri(freedom, 0.975) - 1)
    ends = squares - below**2 / np.linalg.norm(below), squares + above**2 / np.linalg.norm(above)
    share = common / common.sum() if common.sum() else common
    return [((end[:-2] + share * end[-2])[:, None], float(end[-1])) for end in ends]


def _needed(spread: Spread, seeds: Values, questions: float, level: float) -> Values:
    """The true differences that studies would just find, by the luck of their means and mean squares: [points].

    seeds [arms, 1] and questions: the true mean squares.
    """
    arms = len(seeds)
    own = np.stack([one * _chi_square(arms + 1 + arm, spread.own_freedom) for arm, one in enumerate(seeds)])
    its_seeds, of_questions = spread.tested(own), questions * _chi_square(2 * arms + 1, spread.question_freedom)
    error = np.sqrt(spread.variance(its_seeds, of_questions))
    critical = special.stdtrit(spread.degrees(its_seeds, of_questions), 1 - level / 2)
    luck = special.ndtri(_uniform()[2 * arms + 2]) * np.sqrt(spread.variance(seeds, questions))
    found: Values = critical * error - luck
    return found


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

    return fewest_seeds(finds, 2, most)


def fewest_seeds(finds: Callable[[int], bool], least: int, most: int) -> int | None:
    """Returns the fewest seeds, `least` to `most`, that find what more of them find, too; None if none do."""
    if not finds(most):
        return None
    low, high = least, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle + 1, high)
    return low
