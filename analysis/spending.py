"""Significance levels for looking at results more than once."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Grid = NDArray[np.float64]

_POINTS = 2_001
_FURTHEST = 12.0  # standard errors; the normal tail beyond is below 1e-30


def obrien_fleming(fraction: float, level: float) -> float:
    """Returns the error spent by information `fraction` (Lan and DeMets 1983, after O'Brien and Fleming)."""
    return float(2 * stats.norm.sf(stats.norm.isf(level / 2) / np.sqrt(fraction)))


def pocock(fraction: float, level: float) -> float:
    """Returns the error spent by information `fraction` (Lan and DeMets 1983, after Pocock)."""
    return float(level * np.log1p((np.e - 1) * fraction))


@lru_cache(maxsize=64)
def nominal_levels(
    fractions: tuple[float, ...], level: float, spending: Callable[[float, float], float] = obrien_fleming
) -> tuple[float, ...]:
    """Returns the two-sided level of each look such that all looks together err with chance `level` at most.

    `fractions` is the share of the information at each look, rising, at most 1. The chance of having crossed no bound is
    integrated forward look by look (Armitage, McPherson and Rowe 1969), for increments independent of the past.
    """
    if not fractions or any(b <= a for a, b in zip((0.0, *fractions), fractions, strict=False)) or fractions[-1] > 1:
        raise ValueError(f"information must rise to 1 at most, got {fractions}")
    bounds: list[float] = []
    grid, density = np.zeros(1), np.ones(1)
    spent = before = 0.0
    for fraction in fractions:
        allowance = max(spending(fraction, level) - spent, 0.0)
        step = np.sqrt(fraction - before)
        bound = _bound(grid, density, step, np.sqrt(fraction), allowance)
        bounds.append(bound)
        spent += allowance
        grid, density = _advance(grid, density, step, bound * np.sqrt(fraction))
        before = fraction
    return tuple(float(2 * stats.norm.sf(bound)) for bound in bounds)


def _bound(grid: Grid, density: Grid, step: float, root: float, allowance: float) -> float:
    """The bound in standard errors that is crossed for the first time with chance `allowance`."""

    def excess(bound: float) -> float:
        far = stats.norm.sf((bound * root - grid) / step) + stats.norm.sf((bound * root + grid) / step)
        return float(density @ far) - allowance

    return _FURTHEST if excess(_FURTHEST) >= 0 else float(optimize.brentq(excess, 0.0, _FURTHEST, xtol=1e-10))


def _advance(grid: Grid, density: Grid, step: float, limit: float) -> tuple[Grid, Grid]:
    """Mass (quadrature weights included) of the process between the bounds after one more step."""
    points = np.linspace(-limit, limit, _POINTS)
    weights = np.full(_POINTS, points[1] - points[0])
    weights[[0, -1]] /= 2
    kernel = stats.norm.pdf((points[:, None] - grid) / step) / step
    return points, (kernel @ density) * weights


def information(looks: Sequence[int], most: int) -> tuple[float, ...]:
    """Returns the share of information at each look when it grows with the number of seeds."""
    return tuple(seeds / most for seeds in looks)
