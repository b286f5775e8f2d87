"""Equivalence within a margin, and the correction for many comparisons.

>>> holm([0.01, None, 0.04])
[0.02, None, 0.04]
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from analysis.statistics.errors import StatisticsError
from analysis.statistics.variance import TwoWay


def equivalence_p_value(parts: TwoWay, margin: float) -> float:
    """Returns the p value of two one-sided t tests that the true difference lies within ± margin (Schuirmann 1987).

    Raises:
        StatisticsError: the margin is not positive.
    """
    if margin <= 0:
        raise StatisticsError(f"The margin must be positive, not {margin}.")
    room = margin - abs(parts.estimate)
    if parts.standard_error == 0:
        return float(room <= 0)
    return float(stats.t.sf(room / parts.standard_error, parts.cautious_degrees_of_freedom))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Returns the p values adjusted for their number (Holm 1979), in the given order; unknown ones stay unknown."""
    known = [place for place, p in enumerate(p_values) if p is not None]
    raw = np.array([p for p in p_values if p is not None], dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    steps = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)), 1.0)
    adjusted: list[float | None] = [None] * len(p_values)
    for place, p in zip(order, steps, strict=True):
        adjusted[known[place]] = float(p)
    return adjusted
