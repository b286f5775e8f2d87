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
    found, borrowed, centre = moderated_each(variances[None], degrees_of_freedom)
    return Moderated(found[0], degrees_of_freedom + float(borrowed[0]), float(borrowed[0]), float(centre[0]))


def moderated_each(variances: Values, degrees_of_freedom: int) -> tuple[Values, Values, Values]:
    """Strengthens the variances of many studies [studies, arms]: moderated ones, `borrowed` and `centre` [studies].

    An arm that does not depend on the seed does so in no study.
    """
    spread = (variances > 0).all(axis=0)
    none = np.zeros(len(variances))
    if spread.sum() < FEWEST_ARMS:
        return variances, none, none
    own = float(degrees_of_freedom)
    centre, borrowed = _priors(variances[:, spread], own)
    shrunk = (borrowed * centre + own * variances.T) / (borrowed + own)
    return np.where(spread, np.maximum(variances, shrunk.T), 0.0), borrowed, centre


def prior(variances: Values, degrees_of_freedom: int) -> tuple[float, float]:
    """Returns what variances [arms] have in common, and the degrees of freedom that it is worth; both 0 for none."""
    found = variances[variances > 0]
    if not len(found):
        return 0.0, 0.0
    centre, borrowed = _priors(found[None], float(degrees_of_freedom))
    return float(centre[0]), float(borrowed[0])


def _priors(found: Values, own: float) -> tuple[Values, Values]:
    """The same of many studies, of variances above zero [studies, arms]: both [studies]."""
    arms = found.shape[1]
    most = np.full(len(found), max(arms - 1, 1) * own / 2)
    # Where all differ by chance alone, their mean is the best estimate of what they have in common.
    mean: Values = found.mean(axis=1)
    if arms < FEWEST_ARMS:
        return mean, most
    logs = np.log(found) - special.digamma(own / 2) + np.log(own / 2)
    excess = logs.var(axis=1, ddof=1) - special.polygamma(1, own / 2)
    is_unlike = excess > 0
    freedom = 2 * _inverse_trigamma(np.where(is_unlike, excess, 1.0))
    centre = np.exp(logs.mean(axis=1) + special.digamma(freedom / 2) - np.log(freedom / 2))
    return np.where(is_unlike, centre, mean), np.where(is_unlike, np.minimum(_BELIEVED * freedom, most), most)


def _inverse_trigamma(values: Values) -> Values:
    """The x > 0 whose trigammas are `values` > 0, by Newton's method (Smyth 2004, appendix)."""
    usual = np.clip(values, 1e-6, 1e7)
    x = 0.5 + 1 / usual
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1 - trigamma / usual) / special.polygamma(2, x)
        x = x + step
        if (-step / x < 1e-8).all():
            break
    found: Values = np.where(values > 1e7, 1 / np.sqrt(values), np.where(values < 1e-6, 1 / values, x))
    return found
