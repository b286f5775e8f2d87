"""Trends over size: how a metric, and the gain of one strategy over another, change with the logarithm of a size.

>>> gains = {("mono", 1e8): 0.0, ("mono", 1e9): 0.0, ("hybrid", 1e8): 0.02, ("hybrid", 1e9): 0.05}
>>> runs = [SizedRun(*of, seed, 0.5 + gain + 0.001 * seed) for of, gain in gains.items() for seed in range(3)]
>>> (trend,) = fit_scaling(runs, baseline="mono").gains
>>> round(trend.change, 3), trend.direction
(0.03, 'grows')
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from analysis.statistics.comparison import LEVEL
from analysis.statistics.curves import Curve, fit_curve, least_squares, line
from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import Values


@dataclass(frozen=True)
class SizedRun:
    """One run: strategy, size (parameters, or the batch size), seed and the value of the metric."""

    strategy: str
    size: float
    seed: int
    value: float


Direction = Literal["grows", "shrinks", "no trend"]


@dataclass(frozen=True)
class GainTrend:
    """How the gain of a strategy over the baseline changes with size, for the questions at hand.

    change: of the gain per factor of ten in size, with 95 % interval and p value; gain: at the largest size on the
    fitted line, with 95 % interval; verdict: what it is there; direction: what becomes of the gain from the smallest
    to the largest size. Unknown numbers are None: too few runs for an interval.
    """

    strategy: str
    baseline: str
    smallest: float
    largest: float
    change: float
    change_interval: tuple[float, float] | None
    p: float | None
    direction: Direction | None
    gain: float
    gain_interval: tuple[float, float] | None
    verdict: Literal["a gain", "a loss", "not separable"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Curves by strategy, the test of the interaction of strategy and size, and the gains over the baseline.

    interaction_p: all strategies have the same slope (F test of the least-squares fit with interaction over all runs);
    None if no error is known or there is one strategy only.
    """

    curves: dict[str, Curve]
    interaction_p: float | None
    gains: tuple[GainTrend, ...]


def fit_scaling(runs: Sequence[SizedRun], baseline: str, *, higher_is_better: bool = True) -> Scaling:
    """Fits the metric against log10(size) per strategy and the gain of each strategy over the baseline.

    The units are runs; the questions, which all runs share, are taken as given. Gains are paired by size and seed.

    Raises:
        StatisticsError: the baseline or a second size is missing, or a size or value is not a finite number.
    """
    _check(runs, baseline)
    strategies = list(dict.fromkeys(run.strategy for run in runs))
    curves = {}
    for strategy in strategies:
        own = [run for run in runs if run.strategy == strategy]
        curves[strategy] = fit_curve(np.array([float(r.size) for r in own]), np.array([float(r.value) for r in own]))
    gains = tuple(_gain(runs, s, baseline, higher_is_better) for s in strategies if s != baseline)
    return Scaling(curves, interaction_p_value(runs), gains)


def interaction_p_value(runs: Sequence[SizedRun]) -> float | None:
    """Returns the p value of equal slopes over log10(size): F test, ordinary least squares, all runs as units."""
    strategies = list(dict.fromkeys(run.strategy for run in runs))
    x = np.log10([float(run.size) for run in runs])
    own = np.array([[float(run.strategy == s) for s in strategies] for run in runs])
    values = np.array([float(run.value) for run in runs])
    common = least_squares(np.column_stack([own, x]), values)
    each = least_squares(np.column_stack([own, own * x[:, None]]), values)
    more = len(strategies) - 1
    if more < 1 or each.degrees_of_freedom < 1:
        return None
    gained = max(common.residual_square - each.residual_square, 0.0) / more
    error = each.residual_square / each.degrees_of_freedom
    if error == 0:
        return float(gained == 0)
    return float(stats.f.sf(gained / error, more, each.degrees_of_freedom))


def _gain(runs: Sequence[SizedRun], strategy: str, baseline: str, higher_is_better: bool) -> GainTrend:
    sizes, differences = _paired(runs, strategy, baseline)
    if len(np.unique(sizes)) < 2:
        raise StatisticsError(
            f"{strategy} and {baseline} share seeds at fewer than two sizes: run both on the same seeds at two sizes."
        )
    largest = float(sizes.max())
    # With the largest size as origin the intercept is the gain there.
    fit = line(np.log10(sizes / largest), differences)
    half = fit.half_width(np.eye(2))
    gain, change = (float(value) for value in fit.coefficients)
    gain_interval = None if half is None else (gain - float(half[0]), gain + float(half[0]))
    change_interval = None if half is None else (change - float(half[1]), change + float(half[1]))
    verdict: Literal["a gain", "a loss", "not separable"] = "not separable"
    if gain_interval is not None and gain_interval[0] * gain_interval[1] > 0:
        verdict = "a gain" if (gain > 0) == higher_is_better else "a loss"
    p = fit.p_value(1)
    direction: Direction | None = None
    if p is not None:
        direction = "no trend" if p > LEVEL else "grows" if (change > 0) == higher_is_better else "shrinks"
    return GainTrend(
        strategy=strategy,
        baseline=baseline,
        smallest=float(sizes.min()),
        largest=largest,
        change=change,
        change_interval=change_interval,
        p=p,
        direction=direction,
        gain=gain,
        gain_interval=gain_interval,
        verdict=verdict,
    )


def _paired(runs: Sequence[SizedRun], strategy: str, baseline: str) -> tuple[Values, Values]:
    """Sizes and differences of the (size, seed) pairs that both have."""
    own = {(run.size, run.seed): run.value for run in runs if run.strategy == strategy}
    other = {(run.size, run.seed): run.value for run in runs if run.strategy == baseline}
    common = sorted(own.keys() & other.keys())
    return np.array([float(size) for size, _ in common]), np.array([float(own[key] - other[key]) for key in common])


def _check(runs: Sequence[SizedRun], baseline: str) -> None:
    wrong = [run for run in runs if not (np.isfinite(run.value) and np.isfinite(run.size) and run.size > 0)]
    if wrong:
        raise StatisticsError(
            f"Run {wrong[0]} has no finite value or positive size: leave runs out that did not finish."
        )
    if baseline not in {run.strategy for run in runs}:
        raise StatisticsError(
            f"Baseline {baseline!r} has no run: choose one of {sorted({run.strategy for run in runs})}."
        )
    for strategy in {run.strategy for run in runs}:
        sizes = {run.size for run in runs if run.strategy == strategy}
        if len(sizes) < 2:
            raise StatisticsError(f"{strategy!r} has runs at one size only ({sizes.pop():g}): a trend needs two sizes.")
