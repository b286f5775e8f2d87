"""Curves of a metric against the size of a model or batch, with 95 % bands."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

from analysis.statistics.questions import Values

Form = Literal["line", "saturating"]

# Rates of approach to the ceiling, per factor of ten in size, beyond which the data show a line or a step.
_RATES = (0.1, 5.0)
# Difference in corrected Akaike criterion that a third parameter must bring (Burnham and Anderson 2002, section 2.6).
_ADVANTAGE = 2.0
# Lack of fit counts as seed noise only above this p value (Bancroft 1964).
_POOLING = 0.25


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A least-squares fit: coefficients, their covariance, degrees of freedom of the error (0: no error is known)."""

    coefficients: Values
    covariance: Values
    degrees_of_freedom: int
    residual_square: float

    def p_value(self, place: int) -> float | None:
        """Two-sided p value of a coefficient; None if no error is known."""
        if self.degrees_of_freedom < 1:
            return None
        value, error = float(self.coefficients[place]), float(np.sqrt(self.covariance[place, place]))
        if error == 0:
            return float(value == 0)
        return float(2 * stats.t.sf(abs(value) / error, self.degrees_of_freedom))

    def half_width(self, design: Values) -> Values | None:
        """Half the 95 % interval of the mean at each row of `design` [rows, coefficients]; None without an error."""
        if self.degrees_of_freedom < 1:
            return None
        variance = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        half: Values = stats.t.isf(0.025, self.degrees_of_freedom) * np.sqrt(np.maximum(variance, 0.0))
        return half


def least_squares(design: Values, values: Values) -> LeastSquares:
    """Fits `values` [runs] on `design` [runs, coefficients] by ordinary least squares; the design has full rank."""
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ values
    residuals = values - design @ coefficients
    square = float(residuals @ residuals)
    # Rounding is no error: values on the curve fit it exactly.
    square = square if square > 1e-24 * float(values @ values) else 0.0
    degrees = len(values) - design.shape[1]
    return LeastSquares(coefficients, inverse * (square / degrees if degrees > 0 else 0.0), degrees, square)


def line(x: Values, y: Values) -> LeastSquares:
    """Fits y = a + b x over runs.

    Where the sizes stray from the line by more than their seeds explain (lack of fit), the sizes are the units: the
    error is the lack-of-fit mean square with (sizes - 2) degrees of freedom.
    """
    fit = least_squares(np.column_stack([np.ones_like(x), x]), y)
    sizes, group = np.unique(x, return_inverse=True)
    between = len(sizes) - 2
    within = len(x) - len(sizes)
    if between < 1 or within < 1:
        return fit
    means = np.bincount(group, weights=y) / np.bincount(group)
    pure = float(((y - means[group]) ** 2).sum())
    astray = max(fit.residual_square - pure, 0.0) / between
    expected = pure / within
    if astray == 0 or (expected > 0 and stats.f.sf(astray / expected, between, within) > _POOLING):
        return fit
    inverse = fit.covariance * (fit.degrees_of_freedom / fit.residual_square)
    return LeastSquares(fit.coefficients, inverse * astray, between, fit.residual_square)


@dataclass(frozen=True, eq=False)
class Curve:
    """A fitted curve: `line` is y = a + b log10(size), `saturating` is y = a - b (size / smallest size) ** -c.

    sizes, fitted, low, high: the curve on a grid over the sizes at hand; low and high are None if no error is known.
    """

    form: Form
    coefficients: tuple[float, ...]
    sizes: Values
    fitted: Values
    low: Values | None
    high: Values | None


def fit_curve(sizes: Values, values: Values, points: int = 101) -> Curve:
    """Fits a line in log10(size) to runs, or a saturating curve where at least four sizes justify it (AICc)."""
    x = np.log10(sizes)
    grid = np.linspace(x.min(), x.max(), points)
    straight = line(x, values)
    saturating = _saturating(x, values)
    if saturating is None or _aicc(straight, len(x), 2) - _aicc(saturating[0], len(x), 3) < _ADVANTAGE:
        return _curve(
            "line", straight, tuple(straight.coefficients), np.column_stack([np.ones(points), grid]), 10**grid
        )
    fit, rate = saturating
    ceiling, fall = float(fit.coefficients[0]), -float(fit.coefficients[1])
    return _curve("saturating", fit, (ceiling, fall, rate), _saturating_design(grid - x.min(), rate, fall), 10**grid)


def _curve(form: Form, fit: LeastSquares, coefficients: tuple[float, ...], design: Values, sizes: Values) -> Curve:
    # The third column of a saturating design carries the error of the rate; the curve itself is in the first two.
    fitted: Values = design[:, :2] @ fit.coefficients[:2]
    half = fit.half_width(design)
    low, high = (None, None) if half is None else (fitted - half, fitted + half)
    return Curve(form, tuple(float(c) for c in coefficients), sizes, fitted, low, high)


def _saturating(x: Values, y: Values) -> tuple[LeastSquares, float] | None:
    if len(np.unique(x)) < 4 or len(x) < 5:
        return None
    depth = x - x.min()

    def fit(rate: float) -> LeastSquares:
        return least_squares(np.column_stack([np.ones_like(depth), 10.0 ** (-rate * depth)]), y)

    rate = float(optimize.minimize_scalar(lambda r: fit(r).residual_square, bounds=_RATES, method="bounded").x)
    best = fit(rate)
    margin = 0.01 * (_RATES[1] - _RATES[0])
    if not _RATES[0] + margin < rate < _RATES[1] - margin or best.coefficients[1] == 0:
        return None
    design = _saturating_design(depth, rate, -float(best.coefficients[1]))
    degrees = len(x) - 3
    covariance: Values = np.linalg.pinv(design.T @ design).astype(np.float64) * (best.residual_square / degrees)
    return LeastSquares(np.append(best.coefficients, rate), covariance, degrees, best.residual_square), rate


def _saturating_design(depth: Values, rate: float, fall: float) -> Values:
    """Derivatives of a - b 10 ** (-c depth) by (a, -b, c): [points, 3]."""
    decay = 10.0 ** (-rate * depth)
    return np.column_stack([np.ones_like(depth), decay, fall * np.log(10.0) * depth * decay])


def _aicc(fit: LeastSquares, runs: int, coefficients: int) -> float:
    """Corrected Akaike information criterion; the error variance counts as a parameter."""
    free = coefficients + 1
    if fit.residual_square == 0:
        return -np.inf
    if runs - free - 1 <= 0:
        return np.inf
    return float(runs * np.log(fit.residual_square / runs) + 2 * free * runs / (runs - free - 1))
