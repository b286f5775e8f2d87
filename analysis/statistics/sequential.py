"""When to stop adding seeds: a verdict that stays valid although it is looked at after every seed."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from analysis.statistics.comparison import LEVEL, Verdict
from analysis.statistics.equivalence import equivalence_p_value
from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import MARGIN
from analysis.statistics.spending import nominal_levels
from analysis.statistics.variance import TwoWay, two_way

FIRST_LOOK = 3
"""Seeds before the first look: two leave a single degree of freedom, on which nothing can be decided."""


@dataclass(frozen=True)
class SequentialDecision:
    """Whether to stop, and why.

    level: the two-sided level that this look may use; p: of the t test; interval: repeated confidence interval, which
    covers the true difference at all looks together with 95 % chance (Jennison and Turnbull 1989).
    """

    stop: bool
    verdict: Verdict
    difference: float
    interval: tuple[float, float]
    p: float
    level: float
    n_seeds: int
    max_seeds: int
    sentence: str


def decide(
    arm: QuestionTable,
    baseline: QuestionTable,
    looks: Sequence[int],
    max_seeds: int,
    *,
    higher_is_better: bool = True,
    margin: float | None = MARGIN,
    level: float = LEVEL,
    is_last: bool = False,
) -> SequentialDecision:
    """Decides whether the comparison of two arms needs another seed.

    `looks`: the number of common seeds at every look so far, this one included. It stops with `equivalent`, `better` or
    `worse` as soon as the test of that verdict passes the level of the look, and at `max_seeds` in any case, or if
    `is_last` says that no more seeds will come.
    The chance of a wrong `better` or `worse` is at most `level` over all looks.

    Raises:
        StatisticsError: the arms share no seed, were judged on different queries, or the last look is not the seeds at
            hand.
    """
    table = arm.minus(baseline)
    n_seeds = len(table.seeds)
    if not looks or looks[-1] != n_seeds:
        raise StatisticsError(f"The last of the looks {list(looks)} must be the {n_seeds} seeds at hand.")
    parts = two_way(table.values)
    allowed = nominal_levels(tuple(looks), max_seeds, level)[-1]
    p = parts.p_value
    verdict: Verdict = "not separable"
    if margin is not None and equivalence_p_value(parts, margin) <= allowed:
        verdict = "equivalent"
    elif p <= allowed:
        verdict = "better" if (parts.estimate > 0) == higher_is_better else "worse"
    stop = verdict != "not separable" or n_seeds >= max_seeds or is_last
    return SequentialDecision(
        stop=stop,
        verdict=verdict,
        difference=parts.estimate,
        interval=_interval(parts, allowed),
        p=p,
        level=allowed,
        n_seeds=n_seeds,
        max_seeds=max_seeds,
        sentence=_sentence(verdict, stop, n_seeds, max_seeds, p, allowed),
    )


def _interval(parts: TwoWay, level: float) -> tuple[float, float]:
    if parts.standard_error == 0:
        return parts.estimate, parts.estimate
    half = float(stats.t.isf(level / 2, parts.cautious_degrees_of_freedom)) * parts.standard_error
    return parts.estimate - half, parts.estimate + half


def _sentence(verdict: Verdict, stop: bool, n_seeds: int, max_seeds: int, p: float, level: float) -> str:
    found = f"After {n_seeds} of at most {max_seeds} seeds the verdict is {verdict!r}"
    rule = f"p = {p:.2g}, this look may use {level:.2g}"
    if not stop:
        return f"{found} ({rule}): another seed is added."
    if verdict == "not separable" or n_seeds >= max_seeds:
        return f"{found} ({rule}): the last look."
    return f"{found} ({rule}): no more seeds are needed."
