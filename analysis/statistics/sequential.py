"""When to stop adding seeds: a verdict that stays valid although it is looked at after every seed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.comparison import LEVEL, MARGIN, Verdict
from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import verdict_of, within
from analysis.statistics.spending import nominal_levels

FIRST_LOOK = 3
"""Seeds before the first look: two leave too few degrees of freedom for anything to be decided."""


@dataclass(frozen=True)
class SequentialDecision:
    """Whether to stop, and why.

    level: the two-sided level that this look may use; p: of this look; interval: repeated confidence interval, which
    covers the true difference at all looks together with 95 % chance (Jennison and Turnbull 1989), and decides.
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
    `worse` as soon as the interval at the level of the look says so, and at `max_seeds` in any case, or if `is_last`
    says that no more seeds will come.
    The chance of a wrong verdict is at most `level` over all looks.

    Raises:
        StatisticsError: the arms share no seed, were judged on different queries, or the last look is not the seeds at
            hand.
    """
    panel = Panel.of({"arm": arm, "baseline": baseline})
    n_seeds = len(panel.seeds)
    if not looks or looks[-1] != n_seeds:
        raise StatisticsError(f"The last of the looks {list(looks)} must be the {n_seeds} seeds at hand.")
    if not panel.is_sample:
        raise StatisticsError(f"A decision needs two seeds and two questions, not {panel.values.shape[1:]}.")
    estimate = panel.difference("arm", "baseline", is_alone=False)
    allowed = nominal_levels(tuple(looks), max_seeds, level)[-1]
    interval, p = estimate.interval(allowed), estimate.p_value
    verdict = verdict_of(interval, margin, higher_is_better)
    stop = verdict != "not separable" or n_seeds >= max_seeds or is_last
    return SequentialDecision(
        stop=stop,
        verdict=verdict,
        difference=estimate.value,
        interval=within(interval, -1.0, 1.0) if higher_is_better else interval,
        p=p,
        level=allowed,
        n_seeds=n_seeds,
        max_seeds=max_seeds,
        sentence=_sentence(verdict, stop, n_seeds, max_seeds, p, allowed),
    )


def _sentence(verdict: Verdict, stop: bool, n_seeds: int, max_seeds: int, p: float, level: float) -> str:
    found = f"After {n_seeds} of at most {max_seeds} seeds the verdict is {verdict!r}"
    rule = f"p = {p:.2g}, this look may use {level:.2g}"
    if not stop:
        return f"{found} ({rule}): another seed is added."
    if verdict == "not separable" or n_seeds >= max_seeds:
        return f"{found} ({rule}): the last look."
    return f"{found} ({rule}): no more seeds are needed."
