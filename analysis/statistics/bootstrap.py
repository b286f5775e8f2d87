"""Two-level bootstrap over seeds and question ids, with the width that few seeds need."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.questions import QuestionTable, Values
from analysis.statistics.variance import TwoWay

_CHUNK = 1_000

Level = Literal["seeds", "questions"]


@lru_cache(maxsize=4)
def multiplicities(level: Level, units: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """Returns how often each unit is drawn in each resample with replacement: [resamples, units].

    The same arguments give the same draws, so that all arms of a study see the same resampled questions.
    """
    # Five seeds and five questions must not be drawn alike, so the level is part of the key.
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, units, len(level)])))
    counts = np.empty((resamples, units), dtype=np.uint8)
    for start in range(0, resamples, _CHUNK):
        block = counts[start : start + _CHUNK]
        drawn = generator.integers(units, size=block.shape)
        drawn += np.arange(len(block))[:, None] * units
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    counts.setflags(write=False)
    return counts


def question_replicates(table: QuestionTable, resamples: int, seed: int) -> Values:
    """Returns the metric of each seed under each resample of the questions: [resamples, seeds].

    Cell means are recomputed as ratios; a cell that a resample leaves without a query keeps its mean.
    """
    draws = multiplicities("questions", len(table.questions), resamples, seed)
    sums, counts, weights, means = _fewest_cells(table)
    n_seeds, n_questions, n_cells = sums.shape
    by_question = sums.transpose(1, 0, 2).reshape(n_questions, n_seeds * n_cells)
    replicates = np.empty((resamples, n_seeds))
    for start in range(0, resamples, _CHUNK):
        block = draws[start : start + _CHUNK].astype(np.float64)
        denominator = (block @ counts)[:, None, :]
        numerator = (block @ by_question).reshape(len(block), n_seeds, n_cells)
        ratio = np.divide(numerator, denominator, out=np.tile(means, (len(block), 1, 1)), where=denominator > 0)
        replicates[start : start + _CHUNK] = ratio @ weights
    return replicates


def _fewest_cells(table: QuestionTable) -> tuple[Values, Values, Values, Values]:
    """Merges all cells into one where that changes nothing: every question has the same share of every cell."""
    if not table.is_balanced:
        return table.sums, table.counts, table.weights, table.cell_means
    totals = table.counts.sum(axis=0)
    merged = table.sums @ (table.weights / totals)
    return merged[:, :, None], (table.counts / totals)[:, :1], np.ones(1), table.seed_means[:, None]


def two_level_replicates(table: QuestionTable, resamples: int, seed: int) -> Values:
    """Returns the metric with seeds and questions resampled (Owen 2007, the pigeonhole bootstrap): [resamples]."""
    seeds = multiplicities("seeds", len(table.seeds), resamples, seed).astype(np.float64)
    replicates: Values = (question_replicates(table, resamples, seed) * seeds).sum(axis=1) / len(table.seeds)
    return replicates


def calibrated_interval(
    table: QuestionTable, parts: TwoWay, *, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Returns the interval of the metric for new seeds and new questions.

    The bootstrap gives the shape. Its width is set to `2 t * standard error` of the two-way decomposition `parts`,
    since resampling few seeds understates their variance by (S - 1) / S and ignores that it is estimated (Hesterberg
    2015, "expanded percentile"), and the pigeonhole bootstrap counts the seed x question noise three times (Owen 2007).
    """
    tail = (1 - level) / 2
    half = float(stats.t.isf(tail, parts.interval_degrees_of_freedom)) * parts.standard_error
    replicates = two_level_replicates(table, resamples, seed)
    # Two or three seeds leave a few clusters of replicates, far from normal: only their own quantiles say how wide.
    low, high = (float(end) for end in np.quantile(replicates, [tail, 1 - tail]) - replicates.mean())
    if half == 0 or low == high:
        return parts.estimate - half, parts.estimate + half
    scale = 2 * half / (high - low)
    return parts.estimate + scale * low, parts.estimate + scale * high
