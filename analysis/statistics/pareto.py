"""Several objectives at once: which points no other beats, and how much they beat together.

>>> front([(0.9, 0.2), (0.5, 0.5), (0.4, 0.4)])
[0, 1]
"""

from collections.abc import Sequence

import numpy as np

from analysis.statistics.errors import StatisticsError

Point = tuple[float, ...]
"""One value per objective; more is better in each."""


def front(points: Sequence[Point]) -> list[int]:
    """Returns the indices of the points that no other one dominates (at least as good everywhere, better somewhere)."""
    values = np.array(points, dtype=float)
    return [i for i, own in enumerate(values) if not ((values >= own).all(axis=1) & (values > own).any(axis=1)).any()]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Returns the volume that the points dominate above `reference` (Zitzler and Thiele 1999), in 1 to 3 dimensions.

    A point that is not better than the reference in every objective adds nothing. By slices: exact, O(n²) in two and
    O(n³) in three dimensions.

    Raises:
        StatisticsError: there are more dimensions, or none.
    """
    if not 1 <= len(reference) <= 3:
        raise StatisticsError(f"A hypervolume is computed in 1 to 3 dimensions, not {len(reference)}.")
    inside = {point for point in points if all(a > b for a, b in zip(point, reference, strict=True))}
    if not inside:
        return 0.0
    *rest, last = reference
    levels = sorted({point[-1] for point in inside})
    if not rest:
        return levels[-1] - last
    volume = 0.0
    for below, level in zip([last, *levels], levels, strict=False):
        volume += (level - below) * hypervolume([p[:-1] for p in inside if p[-1] >= level], tuple(rest))
    return volume
