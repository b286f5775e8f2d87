"""Systems that ran on the same queries, judged pair by pair as the arms of a report are (docs/statistics.md)."""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from analysis.render.table import Mark
from analysis.runs.measured import Measured
from analysis.statistics.comparison import Comparison
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import ArmMean, arm_mean, judge
from trainables.errors import UserError, unknown_name
from trainables.evaluation.measures.measure import RankingMeasure

Pair = tuple[str, str]


class SystemComparisons:
    """Every pair of systems, or every one against a given one, on all measures: one family with one error rate.

    A system with several runs is a sample of its trainings; one with a single run is taken as it is. Where every system
    has one run, the questions alone are sampled. Systems with several runs count with as many as the one of them with
    the fewest.

    Args:
        systems: what was reached, each name once.
        questions: the question of every query.
        measures: what was measured; the first one orders the systems.
        margin: the largest difference that counts as none, for scores.
        against: the system that all others meet; None if every two meet.

    Raises:
        UserError: there are fewer than two systems, or none is called `against`.
    """

    def __init__(
        self,
        systems: Sequence[Measured],
        questions: Sequence[str],
        measures: Sequence[RankingMeasure],
        margin: float,
        against: str | None = None,
    ) -> None:
        if len(systems) < 2:
            raise UserError(f"{systems[0].name} alone cannot be compared: give the runs of two systems or more.")
        if against is not None and against not in {system.name for system in systems}:
            raise unknown_name("system", against, (system.name for system in systems))
        self.measures, self.margin, self.against = tuple(measures), margin, against
        self.runs = {system.name: system.runs for system in systems}
        several = [runs for runs in self.runs.values() if runs > 1]
        self.common_runs = min(several, default=1)
        self.queries = len(questions)
        self._tables = {
            (system.name, place): _table(system, place, questions, self.common_runs)
            for system in systems
            for place in range(len(measures))
        }
        self._panels = [
            Panel.of({system.name: self._tables[system.name, place] for system in systems}, seeds_are_given=not several)
            for place in range(len(measures))
        ]
        sign = -1 if measures[0].direction == "minimize" else 1
        means = dict(zip(self.runs, sign * self._panels[0].means, strict=True))
        self.names = tuple(sorted(self.runs, key=lambda name: -means[name]))
        """Best first."""
        self._found: dict[tuple[Pair, int], Comparison] = {}

    @property
    def questions(self) -> int:
        """How many questions there are."""
        return len(self._panels[0].questions)

    @property
    def is_sample(self) -> bool:
        """Whether there is a spread to judge by."""
        return self._panels[0].is_sample

    @property
    def pairs(self) -> list[Pair]:
        """The pairs that share the error rate: the better one first or, with `against`, that one last."""
        if self.against is not None:
            return [(name, self.against) for name in self.names if name != self.against]
        return list(combinations(self.names, 2))

    @property
    def neighbours(self) -> list[Pair]:
        """Each system and the next best one."""
        return list(pairwise(self.names))

    @property
    def number(self) -> int:
        """How many comparisons share the error rate."""
        return len(self.pairs) * len(self.measures)

    def table(self, name: str, measure: RankingMeasure) -> QuestionTable:
        """The values of a system by run and question."""
        return self._tables[name, self.measures.index(measure)]

    def mean(self, name: str, measure: RankingMeasure) -> ArmMean:
        """The mean of a system, with an interval of its own."""
        return arm_mean(self._panels[self.measures.index(measure)], name, is_share=is_score(measure))

    def find(self, pair: Pair, measure: RankingMeasure) -> Comparison:
        """The first of two systems minus the second."""
        place = self.measures.index(measure)
        if (pair, place) not in self._found:
            self._found[pair, place] = judge(
                self._panels[place],
                *pair,
                self.number,
                higher_is_better=measure.direction != "minimize",
                margin=self.margin if is_score(measure) else None,
            )
        return self._found[pair, place]

    def marks(self, measure: RankingMeasure) -> dict[str, Mark]:
        """The best system and those that no verdict separates from it; none where not every two are compared."""
        if self.against is not None:
            return {}
        panel = self._panels[self.measures.index(measure)]
        means = dict(zip(panel.arms, panel.means, strict=True))
        top = (min if measure.direction == "minimize" else max)(means.values())
        leaders = [name for name in self.names if means[name] == top]
        found: dict[str, Mark] = dict.fromkeys(leaders, "best")
        for name in self.names:
            comparison = self.find((leaders[0], name), measure) if name not in leaders else None
            if comparison is not None and comparison.interval is not None:
                found[name] = "tied" if comparison.verdict in ("not separable", "equivalent") else ""
        return found


def is_score(measure: RankingMeasure) -> bool:
    """Whether values are shares, whose differences have a margin."""
    return measure.unit in ("score", "share")


def _table(system: Measured, place: int, questions: Sequence[str], runs: int) -> QuestionTable:
    """The mean over queries by run and question, as trec_eval takes it: one cell, however many translations."""
    names = list(dict.fromkeys(questions))
    number = {name: index for index, name in enumerate(names)}
    of = np.array([number[question] for question in questions])
    sums = np.stack([np.bincount(of, run, len(names)) for run in system.values[place]]).astype(np.float64)
    counts = np.bincount(of, minlength=len(names)).astype(np.float64)
    table = QuestionTable(
        tuple(range(len(sums))), tuple(names), ("all",), sums[:, :, None], counts[:, None], np.ones(1)
    )
    seeds = tuple(range(runs))
    return table.repeated(seeds) if len(sums) == 1 else table.of_seeds(seeds)
