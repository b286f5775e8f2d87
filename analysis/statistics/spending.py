"""Significance levels for looking at results after every seed."""

from functools import lru_cache

import numpy as np
from scipy import special

from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import Values

_PATHS = 200_000
_BLOCK = 10_000


def spent(fraction: float, level: float) -> float:
    """Returns the error that may have been made by information `fraction`: level x fraction² (Kim and DeMets 1987)."""
    return level * fraction**2


@lru_cache(maxsize=256)
def nominal_levels(looks: tuple[int, ...], most: int, level: float) -> tuple[float, ...]:
    """Returns the two-sided level of each look such that all looks together err with chance `level` at most.

    `looks`: number of seeds at each look, rising, from 2 to `most`. Alpha spending (Lan and DeMets 1983) with the share
    of seeds as information. The levels are those of t tests of two arms with normal seeds, by simulation of 200,000
    studies (error of the total: 0.0005): there the looks depend on each other the least. Questions that the seeds have
    in common tie the looks together, which can only lower the error.

    Raises:
        StatisticsError: the looks do not rise or leave that range.
    """
    if not looks or any(b <= a for a, b in zip((1, *looks), looks, strict=False)) or looks[-1] > most:
        raise StatisticsError(f"Looks must rise from 2 to {most} seeds at most, not {looks}.")
    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    p_values = np.concatenate([_null_p_values(looks, most, generator) for _ in range(_PATHS // _BLOCK)])
    return levels_from_paths(p_values, [spent(seeds / most, level) for seeds in looks])


def levels_from_paths(p_values: Values, spending: list[float]) -> tuple[float, ...]:
    """Returns the levels that reject the share `spending[k]` of null paths by look k; p_values: [paths, looks]."""
    alive = np.ones(len(p_values), dtype=bool)
    levels = []
    for look, share in enumerate(spending):
        allowed = int(share * len(p_values)) - int((~alive).sum())
        current = p_values[:, look]
        bound = float(np.partition(current[alive], allowed - 1)[allowed - 1]) if allowed > 0 else 0.0
        alive &= current > bound
        levels.append(bound)
    return tuple(levels)


def _null_p_values(looks: tuple[int, ...], most: int, generator: np.random.Generator) -> Values:
    """Two-sided p values of t tests of two arms after each look, whose seeds differ by noise alone: [paths, looks]."""
    # All `most` seeds are drawn, so that the level of a look does not depend on the looks that follow.
    seeds = generator.standard_normal((2, _BLOCK, most))
    taken = np.array(looks)
    mean = np.cumsum(seeds, axis=2)[:, :, taken - 1] / taken
    variance = (np.cumsum(seeds**2, axis=2)[:, :, taken - 1] - taken * mean**2) / (taken - 1)
    # Degrees of freedom as in `Panel.estimate`, where only seeds vary.
    degrees = np.maximum(variance.sum(axis=0) ** 2 / (variance**2).sum(axis=0), 1.0) * (taken - 1)
    statistic = np.abs(mean[0] - mean[1]) / np.sqrt(variance.sum(axis=0) / taken)
    p_values: Values = 2.0 * special.stdtr(degrees, -statistic)
    return p_values
