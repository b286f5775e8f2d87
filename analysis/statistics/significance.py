"""Verdicts: is one arm better than another, for new seeds and new questions? The methods are in docs/statistics.md.

>>> import numpy as np
>>> from analysis.statistics.questions import QuestionTable
>>> values = np.random.default_rng(0).normal(0.5, 0.1, (5, 40, 1))  # seeds x questions x one language
>>> seeds, questions = range(5), [str(number) for number in range(40)]
>>> old, new = (QuestionTable.from_cells(seeds, questions, ["en"], values + gain) for gain in (0.0, 0.02))
>>> (found,) = compare([Contrast(new, old)], resamples=1_000)
>>> found.verdict, round(found.difference, 3)
('better', 0.02)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.bootstrap import calibrated_interval
from analysis.statistics.comparison import LEVEL, Comparison, Obstacle, Verdict
from analysis.statistics.equivalence import equivalence_p_value, holm
from analysis.statistics.power import seeds_needed, smallest_detectable
from analysis.statistics.questions import QuestionTable
from analysis.statistics.randomisation import paired_p_value
from analysis.statistics.variance import TwoWay, two_way

MARGIN = 0.005
"""Differences in mAP below half a point are taken for none, unless told otherwise."""

RESAMPLES = 10_000


@dataclass(frozen=True)
class ArmMean:
    """The metric of one arm: mean over seeds, 95 % interval for new seeds and new questions (None: see `obstacle`)."""

    mean: float
    interval: tuple[float, float] | None
    standard_error: float | None
    n_seeds: int
    n_questions: int
    obstacle: Obstacle = ""


def arm_mean(table: QuestionTable, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> ArmMean:
    """Returns the mean of an arm with its two-level bootstrap interval; deterministic given `seed`."""
    n_seeds, n_questions = table.values.shape
    obstacle = _obstacle(table)
    if obstacle:
        return ArmMean(table.estimate, None, None, n_seeds, n_questions, obstacle)
    parts = two_way(table.values)
    interval = calibrated_interval(table, parts, level=1 - level, resamples=resamples, seed=seed)
    return ArmMean(table.estimate, interval, parts.standard_error, n_seeds, n_questions)


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two arms to compare on one metric.

    `margin`: the largest difference that counts as none, in units of the metric; None asks for no equivalence test.
    """

    arm: QuestionTable
    baseline: QuestionTable
    higher_is_better: bool = True
    margin: float | None = MARGIN


def compare(
    family: Sequence[Contrast], *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Comparison, ...]:
    """Judges a family of comparisons; deterministic given `seed`, in the order given.

    A contrast is `equivalent` if the two one-sided tests within its margin hold, else `better` or `worse` if the
    randomisation test holds, else `not separable`; both tests at `level` after Holm's correction over the family.

    Raises:
        StatisticsError: two arms share no seed or were judged on different queries.
    """
    measured = [_measure(contrast, level, resamples, seed) for contrast in family]
    adjusted = holm([one.p for one in measured])
    within = holm([one.p_equivalence for one in measured])
    tested = sum(one.p is not None for one in measured)
    return tuple(_judge(*row, tested, level) for row in zip(measured, adjusted, within, strict=True))


@dataclass(frozen=True, eq=False)
class _Measured:
    """A contrast before the family is known; `parts` is None where there is an obstacle."""

    contrast: Contrast
    table: QuestionTable
    obstacle: Obstacle
    parts: TwoWay | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_equivalence: float | None = None


def _measure(contrast: Contrast, level: float, resamples: int, seed: int) -> _Measured:
    table = contrast.arm.minus(contrast.baseline)
    obstacle = _obstacle(table)
    if obstacle:
        return _Measured(contrast, table, obstacle)
    parts = two_way(table.values)
    return _Measured(
        contrast,
        table,
        obstacle,
        parts,
        interval=calibrated_interval(table, parts, level=1 - level, resamples=resamples, seed=seed),
        p=paired_p_value(table.values, resamples, seed),
        p_equivalence=None if contrast.margin is None else equivalence_p_value(parts, contrast.margin),
    )


def _judge(measured: _Measured, p_holm: float | None, within: float | None, tested: int, level: float) -> Comparison:
    contrast, parts = measured.contrast, measured.parts
    strictest = level / max(tested, 1)
    return Comparison(
        difference=measured.table.estimate,
        interval=measured.interval,
        p=measured.p,
        p_holm=p_holm,
        p_equivalence=within,
        margin=contrast.margin,
        verdict=_verdict(measured, p_holm, within, level),
        smallest_detectable=None
        if parts is None
        else smallest_detectable(parts, strictest, largest=_largest(contrast)),
        seeds_needed=None
        if parts is None or contrast.margin is None
        else seeds_needed(contrast.margin, parts, strictest),
        n_seeds=len(measured.table.seeds),
        n_questions=len(measured.table.questions),
        n_comparisons=tested,
        obstacle=measured.obstacle,
    )


def _largest(contrast: Contrast) -> float:
    """The largest difference that two arms can have: qualities are shares, rank distances have no bound."""
    return 1.0 if contrast.higher_is_better else math.inf


def _verdict(measured: _Measured, p_holm: float | None, within: float | None, level: float) -> Verdict:
    if within is not None and within <= level:
        return "equivalent"
    if p_holm is None or p_holm > level:
        return "not separable"
    return "better" if (measured.table.estimate > 0) == measured.contrast.higher_is_better else "worse"


def _obstacle(table: QuestionTable) -> Obstacle:
    """Why there can be no interval; empty where there can."""
    if len(table.seeds) < 2:
        return "single run"
    return "single question" if len(table.questions) < 2 else ""
