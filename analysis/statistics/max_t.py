"""All pairs of the arms of a panel together: how small the least of their p values is where no two arms differ.

The differences of a panel depend on one another: two of them share an arm, and all of them the questions. Bonferroni's
inequality does not use that, and it knows of no test that errs less often than its level. Here whole studies without
any difference are drawn, with the spread that the panel has and judged by the formulas of `Panel.estimate`. The level
that every pair may use is read off the least p values that such studies show (single-step max-t; Westfall and Young
1993, section 2.6). Since all pairs are in it, it does not matter that the best arm was looked for (Hsu 1996).

>>> values = np.random.default_rng(0).normal(0.5, 0.1, (6, 5, 40))  # arms x seeds x questions
>>> panel = Panel(tuple("abcdef"), tuple(range(5)), tuple(map(str, range(40))), values)
>>> found = all_pairs(panel)
>>> found.number, found.level(0.05) > 0.05 / 15
(15, True)
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.moderation import moderated_each
from analysis.statistics.panel import Panel
from analysis.statistics.questions import Values
from analysis.statistics.spread import Spread

FEWEST_SEEDS = 5
"""With fewer, the variances at hand say too little about those of the studies to draw: Bonferroni's level holds."""

_STUDIES = 10_000
_FEWEST_DRAWS = 49
"""Levels that fewer of the studies reach are not known well enough, and Bonferroni's rule holds for them."""
_CHUNK = 1_000


@dataclass(frozen=True, eq=False)
class AllPairs:
    """The `number` pairs of the arms of a panel that count; `least`: the least p value of all of its pairs in studies
    without a difference, sorted.

    Without such studies (`least` is empty) it is Bonferroni's rule.
    """

    number: int
    least: Values

    def level(self, level: float) -> float:
        """The level that every pair may use if any of them may err with chance `level`; Bonferroni's at least."""
        place = int(level * (1 + len(self.least))) - 1
        drawn = float(self.least[place]) if _FEWEST_DRAWS <= place < len(self.least) else 0.0
        return max(level / self.number, drawn)

    def adjusted(self, p_value: float) -> float:
        """The least `level` at which a pair with this p value is told apart; Bonferroni's at most."""
        smaller = max(_FEWEST_DRAWS, int(np.searchsorted(self.least, p_value, side="left")))
        return min(1.0, self.number * p_value, (1 + smaller) / (1 + len(self.least)))


def all_pairs(panel: Panel) -> AllPairs:
    """Draws studies of a panel's shape whose arms do not differ; deterministic. Needs several seeds and questions."""
    arms, seeds, questions = panel.values.shape
    pairs = np.array(list(combinations(range(arms), 2))).T
    if seeds < FEWEST_SEEDS or pairs.shape[1] < 2:
        return AllPairs(pairs.shape[1], np.empty(0))
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([0, arms, seeds, questions])))
    least = [_least_p_values(panel, pairs, rng) for _ in range(_STUDIES // _CHUNK)]
    return AllPairs(pairs.shape[1], np.sort(np.concatenate(least)))


def _least_p_values(panel: Panel, pairs: NDArray[np.int64], rng: np.random.Generator) -> Values:
    """The least p value of every study: [studies]. `pairs`: the numbers of the two arms, [2, pairs]."""
    arms, seeds, questions = panel.values.shape
    freedom, share = seeds - 1.0, 1 / (seeds * questions)
    rest = panel.rest_squares
    squares, borrowed, _ = moderated_each(_seed_squares(panel, rng), seeds - 1)
    root = _root(panel)
    covariance = _covariances(root, questions - 1, rng)
    # What seeds add to the means, beyond the rest that the question means hold already.
    of_seeds = np.sqrt(np.maximum(_true_squares(panel) - rest, 0.0) * share)
    means = rng.standard_normal((_CHUNK, arms)) * of_seeds
    means += rng.standard_normal((_CHUNK, root.shape[1])) @ root.T / np.sqrt(questions)
    first, second = pairs
    own = np.moveaxis(squares[:, pairs], 0, 1).swapaxes(1, 2) * share
    of_questions = covariance[:, first, first] + covariance[:, second, second] - 2 * covariance[:, first, second]
    of_questions = np.maximum(of_questions, 0.0).T / questions
    spread = Spread(
        own=own,
        centre=np.zeros(2),
        own_freedom=freedom,
        borrowed=borrowed,
        rest=(rest[first] + rest[second])[:, None] * share,
        rest_freedom=freedom * (questions - 1.0),
        questions=0.0,
        question_freedom=questions - 1.0,
        is_alone=False,
    )
    error = np.sqrt(spread.variance(own, of_questions))
    distance = np.abs(means[:, first] - means[:, second]).T
    statistic = np.divide(distance, error, out=np.where(distance > 0, np.inf, 0.0), where=error > 0)
    least: Values = 2 * special.stdtr(spread.degrees(own, of_questions), -statistic).min(axis=0)
    return least


def _true_squares(panel: Panel) -> Values:
    """The mean squares between seeds that are taken for true: the best estimate of each, [arms]."""
    found, own = panel.seed_squares, panel.own_seed_squares
    both = (found.borrowed * found.centre + (len(panel.seeds) - 1) * own) / found.degrees_of_freedom
    return np.where(own > 0, both, 0.0)


def _seed_squares(panel: Panel, rng: np.random.Generator) -> Values:
    """The mean squares between seeds that studies find: [studies, arms]."""
    freedom = len(panel.seeds) - 1
    found: Values = _true_squares(panel) * rng.chisquare(freedom, (_CHUNK, len(panel.arms))) / freedom
    return found


def _root(panel: Panel) -> Values:
    """A square root of the covariance of the arms over the questions: [arms, rank]."""
    values, vectors = np.linalg.eigh(np.cov(panel.question_means))
    kept = values > max(values.max(), 0.0) * 1e-12
    root: Values = vectors[:, kept] * np.sqrt(values[kept])
    return root


def _covariances(root: Values, freedom: int, rng: np.random.Generator) -> Values:
    """The covariances over the questions that studies find (Wishart, by Bartlett's decomposition): [studies, a, a]."""
    rank = root.shape[1]
    lower = np.tril(rng.standard_normal((_CHUNK, rank, rank)), -1)
    diagonal = np.arange(rank)
    lower[:, diagonal, diagonal] = np.sqrt(rng.chisquare(freedom - diagonal, (_CHUNK, rank)))
    half = root @ lower
    found: Values = half @ half.transpose(0, 2, 1) / freedom
    return found
