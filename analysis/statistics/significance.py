"""Verdicts: is one arm better than another, for new seeds and new questions? The methods are in docs/statistics.md.

>>> values = np.random.default_rng(0).normal(0.5, 0.1, (5, 40, 1))  # seeds x questions x one language
>>> seeds, questions = range(5), [str(number) for number in range(40)]
>>> old, new = (QuestionTable.from_cells(seeds, questions, ["en"], values + gain) for gain in (0.0, 0.1))
>>> (found,) = compare([Contrast(new, old)])
>>> found.verdict, round(found.difference, 3)
('better', 0.1)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.comparison import LEVEL, MARGIN, Comparison, Detectable, Doubt, Obstacle, Verdict
from analysis.statistics.doubts import far_seeds, is_skewed, would_not_survive
from analysis.statistics.estimate import Estimate
from analysis.statistics.max_t import AllPairs
from analysis.statistics.opinions import randomisation, ranks, sign_flips
from analysis.statistics.panel import Panel
from analysis.statistics.power import seeds_needed, smallest_detectable
from analysis.statistics.questions import QuestionTable, Values


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two arms to compare on one metric.

    `margin`: the largest difference that counts as none, in units of the metric; None asks for no equivalence.
    """

    arm: QuestionTable
    baseline: QuestionTable
    higher_is_better: bool = True
    margin: float | None = MARGIN


def compare(family: Sequence[Contrast], *, level: float = LEVEL) -> tuple[Comparison, ...]:
    """Judges a family of comparisons, each by its two arms alone, in the order given.

    Raises:
        StatisticsError: two arms share no seed or were judged on different queries.
    """
    panels = [Panel.of({"arm": one.arm, "baseline": one.baseline}) for one in family]
    number = sum(panel.is_sample for panel in panels)
    return tuple(
        judge(panel, "arm", "baseline", number, higher_is_better=one.higher_is_better, margin=one.margin, level=level)
        for panel, one in zip(panels, family, strict=True)
    )


def judge(
    panel: Panel,
    arm: str,
    baseline: str,
    number: int,
    *,
    higher_is_better: bool = True,
    margin: float | None = MARGIN,
    level: float = LEVEL,
    pairs: AllPairs | None = None,
) -> Comparison:
    """Judges the difference of two arms of a panel, one of `number` comparisons that share the level.

    Its interval has the level / number (Bonferroni), so that all intervals of the family hold together, and decides:
    `equivalent` if it lies within the margin, else `better` or `worse` if it excludes 0, else `not separable`. Any
    verdict of the family is wrong with chance `level` at most. Where all `pairs` of the panel belong to the family,
    they have their share of the level together (max-t).
    """
    return judged_by_weights(
        panel,
        panel.weights({arm: 1.0, baseline: -1.0}),
        number,
        higher_is_better=higher_is_better,
        margin=margin,
        level=level,
        pairs=pairs,
    )


def judged_by_weights(
    panel: Panel,
    weights: Values,
    number: int,
    *,
    higher_is_better: bool = True,
    margin: float | None = MARGIN,
    level: float = LEVEL,
    pairs: AllPairs | None = None,
) -> Comparison:
    """Judges the sum of the arms by weights [arms], such as the difference of two differences, as `judge` does."""
    value = float(weights @ panel.means)
    n_seeds, n_questions = len(panel.seeds), len(panel.questions)
    if not panel.is_sample:
        return Comparison(
            value,
            None,
            None,
            None,
            None,
            margin,
            "not separable",
            None,
            None,
            n_seeds,
            n_questions,
            number,
            obstacle=_obstacle(panel),
        )
    estimate = panel.estimate(weights, is_alone=number < 2)
    # A comparison that is not one of all pairs has a share of its own.
    shared = pairs or AllPairs(1, np.empty(0))
    times = max(number, 1) / shared.number
    own_level = shared.level(level / times)
    # Qualities are shares, which bounds their sums; ranks have no bound.
    least, most = _bounds(weights) if higher_is_better else (-math.inf, math.inf)
    interval = within(estimate.interval(own_level), least, most)
    p = estimate.p_value
    verdict = verdict_of(interval, margin, higher_is_better)
    spread = panel.spread(weights, is_alone=number < 2)
    sampled_seeds = None if panel.seeds_are_given else n_seeds
    found = smallest_detectable(spread, sampled_seeds, own_level, largest=max(-least, most))
    differences = np.einsum("a,asq->sq", weights, panel.values)
    by_question = differences.mean(axis=0)
    p_ranks = ranks(by_question, panel.rounding)
    # Where seeds are given, no number of them is asked for.
    planned = None if panel.seeds_are_given else margin
    return Comparison(
        difference=value,
        interval=interval,
        p=p,
        p_adjusted=min(1.0, times * shared.adjusted(p)),
        p_equivalence=None if margin is None else min(1.0, times * shared.adjusted(estimate.equivalence(margin))),
        margin=margin,
        verdict=verdict,
        detectable=None if found is None else Detectable(found[0], *found[1]),
        seeds_needed=None if planned is None else seeds_needed(planned, estimate, panel.components(weights), own_level),
        n_seeds=n_seeds,
        n_questions=n_questions,
        n_comparisons=number,
        p_randomisation=sign_flips(by_question) if panel.seeds_are_given else randomisation(differences),
        p_ranks=abs(p_ranks),
        doubts=_doubts(panel, weights, estimate, interval, verdict, p_ranks, margin if higher_is_better else None),
    )


@dataclass(frozen=True)
class ArmMean:
    """The metric of one arm: mean over seeds, 95 % interval for new seeds and new questions (None: see `obstacle`)."""

    mean: float
    interval: tuple[float, float] | None
    n_seeds: int
    n_questions: int
    obstacle: Obstacle = ""


def arm_mean(panel: Panel, arm: str, *, is_share: bool = True, level: float = LEVEL) -> ArmMean:
    """Returns the mean of an arm with its interval, which stays in [0, 1] for a share such as mAP."""
    weights = panel.weights({arm: 1.0})
    n_seeds, n_questions = len(panel.seeds), len(panel.questions)
    value = float(weights @ panel.means)
    if not panel.is_sample:
        return ArmMean(value, None, n_seeds, n_questions, _obstacle(panel))
    interval = within(panel.estimate(weights).interval(level), 0.0, 1.0 if is_share else math.inf)
    return ArmMean(value, interval, n_seeds, n_questions)


def _obstacle(panel: Panel) -> Obstacle:
    """Why a panel is no sample."""
    return "single run" if len(panel.seeds) < 2 and not panel.seeds_are_given else "single question"


def _bounds(weights: Values) -> tuple[float, float]:
    """The least and the largest sum of shares by weights: -1 and 1 of a difference, -2 and 2 of one of differences."""
    return float(weights[weights < 0].sum()), float(weights[weights > 0].sum())


def within(interval: tuple[float, float], least: float, most: float) -> tuple[float, float]:
    """The part of an interval that is possible."""
    return max(interval[0], least), min(interval[1], most)


def verdict_of(interval: tuple[float, float], margin: float | None, higher_is_better: bool) -> Verdict:
    """The verdict that an interval gives."""
    low, high = interval
    if margin is not None and -margin < low and high < margin:
        return "equivalent"
    if low <= 0 <= high:
        return "not separable"
    return "better" if (low > 0) == higher_is_better else "worse"


def _doubts(
    panel: Panel,
    weights: Values,
    estimate: Estimate,
    interval: tuple[float, float],
    verdict: Verdict,
    p_ranks: float,
    margin: float | None,
) -> tuple[Doubt, ...]:
    """`p_ranks` has the sign of the typical difference; `margin` is None where differences are none of shares."""
    found: list[Doubt] = []
    is_different = verdict in ("better", "worse")
    # The product of both would be 0 where a p value is too small for a number.
    is_opposite = math.copysign(1, p_ranks) != math.copysign(1, estimate.value)
    disagrees = is_different and (abs(p_ranks) > LEVEL or is_opposite)
    if is_skewed(estimate.skewness) or disagrees:
        found.append("few questions")
    involved = {arm for arm, weight in zip(panel.arms, weights, strict=True) if weight}
    if any(arm in involved for arm, _ in far_seeds(panel)):
        found.append("far seed")
    if margin is not None and verdict != "not separable":
        room = min(map(abs, interval)) if is_different else margin - max(map(abs, interval))
        if would_not_survive(room, None if panel.seeds_are_given else len(panel.seeds), len(panel.questions)):
            found.append("rare event")
    return tuple(found)
