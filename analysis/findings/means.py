"""The mean of every arm on every benchmark and setting, with the best interval that the records allow."""

import math
from functools import cached_property

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate, Facts, Place, estimate
from analysis.facts.questions import Questions
from analysis.statistics.questions import QuestionTable
from trainables.evaluation.metric_name import Setting

RESAMPLES = 2_000
"""The bootstrap gives the shape of an interval only, and that needs no more."""

MOST_WORK = 50_000_000_000
"""Multiplications that the intervals of a report may take: a few seconds on one core."""

ROUNDING = 1e-4
"""Values per question are float32; a mean of theirs that is further from the summary than this is another number."""


class Means:
    """Means over seeds, with intervals for new seeds and new questions or, where these cannot be had, new seeds only.

    All arms of a report get the same kind of interval, so that they can be compared by eye.
    """

    def __init__(self, facts: Facts, questions: Questions) -> None:
        self._facts, self._questions = facts, questions
        self._found: dict[tuple[tuple[str, ...], str], Estimate | None] = {}

    def of(self, arm: Arm, benchmark: Benchmark, setting: Setting) -> Estimate | None:
        """The mean of an arm; None if it has none, no interval for a single seed."""
        metric = benchmark.column(setting)
        # Arms with identical training have the same runs and the same mean.
        key = tuple(run.location for run in arm.runs), metric
        if key not in self._found:
            found = estimate(arm.values(metric).values())
            if found is not None and found.low is not None and self.cover_questions:
                found = self._with_questions(found, arm, benchmark, setting)
            self._found[key] = found
        return self._found[key]

    @cached_property
    def cover_questions(self) -> bool:
        """Whether the intervals hold for new questions too: every arm has its values per question."""
        arms = [arm for arm in self._facts.arms if len(arm.seeds) > 1]
        work = 0
        for arm in arms:
            for benchmark in self._facts.benchmarks:
                for setting in benchmark.settings:
                    metric = benchmark.column(setting)
                    table = self._table(arm, benchmark, setting)
                    if table is None or table.seeds != tuple(arm.values(metric)) or len(table.questions) < 2:
                        return False
                    if not math.isclose(table.estimate, _mean(arm, metric), rel_tol=0, abs_tol=ROUNDING):
                        self._questions.says(
                            f"{arm.label}, {metric}: the values per question do not average to the summary."
                        )
                        return False
                    work += RESAMPLES * table.sums.size // (len(table.cells) if table.is_balanced else 1)
        return bool(arms) and work <= MOST_WORK

    @property
    def note(self) -> str:
        """What the brackets mean, in the words of the seeds at hand."""
        counts = sorted({len(arm.seeds) for arm in self._facts.arms})
        if not counts or counts[-1] < 2:
            return "One seed per arm: single runs have no interval."
        kind = (
            "for new seeds and new questions (two-level bootstrap)"
            if self.cover_questions
            else "for new seeds on the same questions (Student's t)"
        )
        single = " Arms with one seed have no interval." if counts[0] == 1 else ""
        return f"Intervals: 95 %, {kind}.{single}"

    def _with_questions(self, found: Estimate, arm: Arm, benchmark: Benchmark, setting: Setting) -> Estimate:
        # scipy.stats takes most of a second to import.
        from analysis.statistics.significance import arm_mean

        table = self._table(arm, benchmark, setting)
        interval = None if table is None else arm_mean(table, resamples=RESAMPLES).interval
        return found if interval is None else Estimate(found.mean, *interval, found.seeds)

    def _table(self, arm: Arm, benchmark: Benchmark, setting: Setting) -> QuestionTable | None:
        return self._questions.table(arm, Place(benchmark.name, setting, benchmark.measure))


def seeds_note(facts: Facts) -> str:
    """What brackets mean that hold for seeds alone, in the words of the seeds at hand."""
    counts = sorted({len(arm.seeds) for arm in facts.arms})
    if not counts or counts[-1] < 2:
        return "One seed per arm: single runs have no interval."
    note = "In brackets: 95 % interval of the mean over seeds (Student's t)."
    return note + (" Arms with one seed have no interval." if counts[0] == 1 else "")


def _mean(arm: Arm, metric: str) -> float:
    found = estimate(arm.values(metric).values())
    return math.nan if found is None else found.mean
