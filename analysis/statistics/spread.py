"""The mean squares behind the variance of an estimate, and the degrees of freedom that they leave it.

>>> two = Spread(np.array([4e-5, 4e-5]), np.zeros(2), 4.0, 0.0, 0.0, 596.0, 2e-5, 149.0)
>>> round(float(two.variance(two.own, two.questions)), 6), round(float(two.degrees(two.own, two.questions)), 1)
(0.0001, 12.5)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from analysis.statistics.questions import Values

_CAUTION = 0.8
"""Confidence of the bound of the mean squares between seeds."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean squares, each in units of the variance of the estimate to which it contributes.

    own: between the seeds of each arm that takes part, with `own_freedom` degrees of freedom: [arms].
    centre: what such squares have in common in all arms of the panel, worth `borrowed` degrees of freedom: [arms].
    rest: of what seed and question together do, which is part of `own` and of `questions`; it is counted once.
    questions: between questions.
    is_alone: whether the estimate shares its level with no other.

    Functions take the squares of many studies at once: own [arms, ...], questions [...]; `borrowed` and `rest` may
    differ between these, too.
    """

    own: Values
    centre: Values
    own_freedom: float
    borrowed: Any
    rest: Any
    rest_freedom: float
    questions: float
    question_freedom: float
    is_alone: bool = True

    @property
    def seed_freedom(self) -> Any:
        """Degrees of freedom of a square that is strengthened by those of the other arms."""
        return self.own_freedom + self.borrowed

    def shrunk(self, own: Values) -> Values:
        """The best estimate of the squares between seeds; a square of zero is that of an arm that no seed changes."""
        centre = self.centre.reshape(-1, *[1] * (own.ndim - 1))
        both: Values = (self.borrowed * centre + self.own_freedom * own) / self.seed_freedom
        return np.where(own > 0, both, 0.0)

    @property
    def common_freedom(self) -> Any:
        """Degrees of freedom of what all arms have in common, of which each has at least its own share."""
        return max(self.borrowed, self.own_freedom)

    @property
    def parts(self) -> tuple[Values, Values]:
        """What `shrunk(own)` owes to each arm itself and to what all have in common: both [arms]."""
        own = self.own * self.own_freedom / self.seed_freedom
        return own, self.shrunk(self.own) - own

    def tested(self, own: Values) -> Values:
        """The squares that tests use: none is moved down."""
        return np.maximum(own, self.shrunk(own))

    def variance(self, seeds: Values, questions: Values | float) -> Values:
        """The variance of the estimate."""
        found: Values = np.maximum(seeds.sum(axis=0) - self.rest, 0.0) + questions
        return found

    def degrees(self, seeds: Values, questions: Values | float) -> Values:
        """Degrees of freedom of a test: Satterthwaite's (1946), at least those of the seeds of one arm.

        Few seeds that happen to agree make a small standard error and, by looking unimportant, many degrees of freedom.
        One comparison in twenty bears that; the far tail of one that shares its level with others (not `is_alone`) does
        not, and has the degrees of freedom that follow from the mean squares between seeds at their upper 80 %
        confidence bound, if these are fewer.
        """
        found = self._satterthwaite(seeds, questions)
        if not self.is_alone:
            bound = self.seed_freedom / special.chdtri(self.seed_freedom, _CAUTION)
            found = np.minimum(found, self._satterthwaite(seeds * bound, questions))
        return found

    def _satterthwaite(self, seeds: Values, questions: Values | float) -> Values:
        variance = self.variance(seeds, questions)
        spread = (
            (seeds**2).sum(axis=0) / self.seed_freedom
            + np.square(questions) / self.question_freedom
            + self.rest**2 / self.rest_freedom
        )
        ratio = np.divide(variance**2, spread, out=np.full_like(variance, self.own_freedom), where=spread > 0)
        found: Values = np.maximum(ratio, self.own_freedom)
        return found
