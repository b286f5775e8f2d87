"""How far the axis of a figure reaches, where intervals may be many times as long as their means are apart."""

import math
from collections.abc import Sequence

from analysis.facts.facts import Estimate


def frame(shown: Sequence[Estimate], log: bool) -> tuple[float, float]:
    """The ends of an axis: bars get no more room on a side than two fifths of what the means take.

    Those of two seeds may be many times as long as all arms are apart.
    """

    def place(value: float) -> float:
        return value if not log else math.log(value) if value > 0 else -math.inf

    means = [place(one.mean) for one in shown]
    between = (max(means) - min(means)) or 0.1 * abs(means[0]) or 1.0
    ends = [place(one.mean if end is None else end) for one in shown for end in (one.low, one.high)]
    low = max(min(ends), min(means) - 0.4 * between) - 0.1 * between
    high = min(max(ends), max(means) + 0.4 * between) + 0.1 * between
    return (math.exp(low), math.exp(high)) if log else (low, high)
