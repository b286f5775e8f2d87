"""A mean or a difference with its standard error: intervals, p values and equivalence from one distribution.

>>> found = Estimate(0.02, 0.005, degrees_of_freedom=8.0)
>>> tuple(round(end, 4) for end in found.interval(0.05)), round(found.p_value, 4)
((0.0085, 0.0315), 0.0039)
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.statistics.errors import StatisticsError

_SYMMETRIC = 1e-6
"""A skewness below it changes no digit."""


@dataclass(frozen=True)
class Estimate:
    """A number that is estimated from a sample of seeds and a sample of questions.

    Its statistic, (value - truth) / standard error, has Student's t distribution unless a few questions decide; then
    it leans to one side. `skewness` is that of the value itself: the interval reaches as far on each side as the
    farther one of two, Student's and that of Hall's (1992) transformation, which takes the skewness out of t. An
    interval excludes 0 exactly where its level is above `p_value`, and lies within a margin exactly where it is above
    `equivalence(margin)`.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float
    skewness: float = 0.0

    @property
    def statistic(self) -> float:
        """The value in standard errors; infinite where it has no spread at all, 0 where it is 0."""
        return _ratio(self.value, self.standard_error)

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the interval that misses the truth with chance `level`."""
        if self.standard_error == 0:
            return self.value, self.value
        t = float(special.stdtrit(self.degrees_of_freedom, 1 - level / 2))
        below, above = max(t, self._quantile(t)), max(t, -self._quantile(-t))
        return self.value - below * self.standard_error, self.value + above * self.standard_error

    @property
    def p_value(self) -> float:
        """Two-sided p value of a truth of zero."""
        return min(1.0, 2 * (self._above(0.0) if self.value > 0 else self._below(0.0)))

    def equivalence(self, margin: float) -> float:
        """Returns the least level whose interval lies within ± margin: twice the p value of two one-sided tests.

        Schuirmann (1987). Twice, because an interval leaves half its level on each side.

        Raises:
            StatisticsError: the margin is not positive.
        """
        if margin <= 0:
            raise StatisticsError(f"The margin must be positive, not {margin}.")
        return min(1.0, 2 * max(self._above(-margin), self._below(margin)))

    def _above(self, bound: float) -> float:
        """One-sided p value of a truth of `bound` against a greater one."""
        return self._tail(self.value - bound, self.skewness)

    def _below(self, bound: float) -> float:
        return self._tail(bound - self.value, -self.skewness)

    def _tail(self, distance: float, skewness: float) -> float:
        t = _ratio(distance, self.standard_error)
        if not np.isfinite(t):
            return float(t < 0)
        # The less of both, as the interval takes the farther end of both.
        least = min(t, _without_skewness(t, skewness))
        return float(special.stdtr(self.degrees_of_freedom, -least))

    def _quantile(self, t: float) -> float:
        """The statistic that Hall's transformation takes to `t`."""
        skewness = self.skewness
        if abs(skewness) < _SYMMETRIC:
            return t
        return float(3 / skewness * (np.cbrt(1 + skewness * (t - skewness / 6)) - 1))


def _without_skewness(t: float, skewness: float) -> float:
    """Hall's (1992) transformation of a t statistic, monotone in it; `_quantile` is its inverse."""
    return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6


def _ratio(distance: float, error: float) -> float:
    if distance == 0:
        return 0.0
    return distance / error if error > 0 else float(np.copysign(np.inf, distance))
