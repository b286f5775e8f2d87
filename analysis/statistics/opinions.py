"""Second opinions on a difference: tests that assume something else. They decide nothing; they are there to disagree.

`randomisation` asks whether the difference could be chance if every question favoured either arm by the toss of a coin
and seeds were rotated: it needs no t distribution. `ranks` asks whether the typical question changed: it does not let a
few questions decide, and takes the seeds as given.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from analysis.statistics.questions import Values
from analysis.statistics.variance import two_way

RESAMPLES = 2_000
_CHUNK = 1_000


def ranks(by_question: Values, rounding: float = 0.0) -> float:
    """Returns the two-sided p value of Wilcoxon's signed rank test (normal), with the sign of the typical difference.

    Args:
        by_question: differences, mean over seeds, [questions].
        rounding: differences up to this are none, and two that differ by no more are tied.
    """
    levels = _levels(np.abs(by_question), rounding)
    if not levels.any():
        return 1.0
    order = stats.rankdata(levels)
    # Questions without a difference count for both sides; under random signs the sum has this variance.
    signed = float((np.sign(by_question) * order)[levels > 0].sum())
    deviation = np.sqrt(float((order[levels > 0] ** 2).sum()))
    return float(np.copysign(2 * special.ndtr(-abs(signed) / deviation), signed))


def _levels(sizes: Values, rounding: float) -> NDArray[np.int64]:
    """Numbers the sizes in ascending order, 0 for none at all; those that differ by rounding alone are one."""
    order = np.argsort(sizes)
    steps = np.diff(sizes[order], prepend=0.0) > rounding
    levels = np.empty(len(sizes), dtype=np.int64)
    levels[order] = np.cumsum(steps)
    return levels


def randomisation(differences: Values, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Returns the two-sided p value of "no difference" for differences [seeds, questions], paired by seed.

    Statistic: mean over its two-way standard error. Reference: the question means under random signs (a question on
    which the arms are equally good favours either with equal chance) plus the seed means under random rotation
    (Langsrud 2005: exact for normal seed effects, where sign flips of 5 seeds could never give p < 1/16). The seed x
    question noise, which is part of both means, is taken out of the seed means. `sign_flips` is the same for given
    seeds.

    Raises:
        StatisticsError: there are fewer than two seeds or questions.
    """
    parts = two_way(differences)
    observed = abs(parts.statistic)
    by_seed, by_question = differences.mean(axis=1), differences.mean(axis=0)
    # Which arm is subtracted from which must not matter, not even to the sampling error.
    by_question = by_question * np.copysign(1.0, parts.estimate)
    n_seeds, n_questions = differences.shape
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, n_seeds, 1])))
    directions = generator.standard_normal((resamples, n_seeds))
    length = np.sqrt(max(float(by_seed @ by_seed) - n_seeds * parts.rest_square / n_questions, 0.0))
    rotated = directions * (length / np.linalg.norm(directions, axis=1, keepdims=True))
    mean = _flipped_means(by_question, resamples, seed)
    # Signs leave the sum of squares as it is, so the variance follows from the mean.
    question_part = (float((by_question**2).mean()) - mean**2) / (n_questions - 1)
    error = np.sqrt(rotated.var(axis=1, ddof=1) / n_seeds + np.maximum(question_part, 0.0))
    total = np.abs(rotated.mean(axis=1) + mean)
    reference = np.divide(total, error, out=np.where(total > 0, np.inf, 0.0), where=error > 0)
    return _extreme_share(reference, observed)


def sign_flips(by_question: Values, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Returns the two-sided p value of "no difference" for the differences of questions under given seeds.

    Statistic: the mean. Reference: the same under random signs of the questions.

    Args:
        by_question: differences, [questions].
        resamples: draws of all signs.
        seed: of the draws.
    """
    return _extreme_share(np.abs(_flipped_means(by_question, resamples, seed)), abs(float(by_question.mean())))


def _flipped_means(by_question: Values, resamples: int, seed: int) -> Values:
    """The means under random signs: [resamples]."""
    signs = _signs(len(by_question), resamples, seed)
    flipped = [signs[start : start + _CHUNK].astype(np.float64) @ by_question for start in range(0, resamples, _CHUNK)]
    means: Values = np.concatenate(flipped) / len(by_question)
    return means


def _extreme_share(reference: Values, observed: float) -> float:
    # A tie counts as an extreme draw; rounding must not break it.
    extreme = int((reference >= observed * (1 - 1e-9)).sum())
    return (1 + extreme) / (1 + len(reference))


@lru_cache(maxsize=4)
def _signs(questions: int, resamples: int, seed: int) -> NDArray[np.int8]:
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, questions, 0])))
    signs = generator.integers(2, size=(resamples, questions), dtype=np.int8) * np.int8(2) - np.int8(1)
    signs.setflags(write=False)
    return signs
