"""Variances of several arms, each estimated from few seeds, strengthened by those of the others."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.statistics.questions import Values

FEWEST_ARMS = 4
"""Fewer arms say too little about how much variances differ."""

_BELIEVED = 1 / 3
"""Share of the estimated prior degrees of freedom that is used."""


@dataclass(frozen=True, eq=False)
class Moderated:
    """Variances [arms] with their common degrees of freedom, of which `borrowed` come from the other arms.

    `centre` is what the variances have in common.
    """

    variances: Values
    degrees_of_freedom: float
    borrowed: float
    centre: float


def moderated(variances: Values, degrees_of_freedom: int) -> Moderated:
    """Strengthens variances [arms], each with so many degrees of freedom, by empirical Bayes (Smyth 2004).

    The true variances are taken for draws of a scaled inverse chi² distribution, whose centre and degrees of freedom
    follow from the mean and the variance of the logarithms of those that were found: where the arms differ by more
    than chance there is little to borrow, and each arm is left to itself. Three things are more careful than there,
    because a dozen arms are no thousand genes (docs/statistics.md): no variance is moved down, since a few unstable
    arms would pass for stable ones; a third of the degrees of freedom found is used, and never more than half of those
    that the other arms have. A variance of zero is that of an arm that does not depend on the seed: it stays zero and
    tells nothing about the others.
    """
    spread = variances > 0
    own = float(degrees_of_freedom)
    if spread.sum() < FEWEST_ARMS:
        return Moderated(variances, own, 0.0, 0.0)
    centre, borrowed = prior(variances, degrees_of_freedom)
    shrunk = (borrowed * centre + own * variances) / (borrowed + own)
    return Moderated(np.where(spread, np.maximum(variances, shrunk), 0.0), own + borrowed, borrowed, centre)


def prior(variances: Values, degrees_of_freedom: int) -> tuple[float, float]:
    """Returns what variances [arms] have in common, and the degrees of freedom that it is worth; both 0 for none."""
    found = variances[variances > 0]
    if not len(found):
        return 0.0, 0.0
    own = float(degrees_of_freedom)
    logs = np.log(found) - special.digamma(own / 2) + np.log(own / 2)
    most = max(len(found) - 1, 1) * own / 2
    excess = float(logs.var(ddof=1)) - float(special.polygamma(1, own / 2)) if len(found) >= FEWEST_ARMS else 0.0
    if excess <= 0:
        # All differ by chance alone: their mean is the best estimate of what they have in common.
        return float(found.mean()), most
    freedom = 2 * _inverse_trigamma(excess)
    centre = float(np.exp(logs.mean() + special.digamma(freedom / 2) - np.log(freedom / 2)))
    return centre, min(_BELIEVED * freedom, most)


def _inverse_trigamma(value: float) -> float:
    """The x > 0 whose trigamma is `value` > 0, by Newton's method (Smyth 2004, appendix)."""
    if value > 1e7:
        return float(1 / np.sqrt(value))
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
