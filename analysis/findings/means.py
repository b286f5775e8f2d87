"""The mean of every arm on every benchmark and setting, with the best interval that the records allow."""

from functools import cached_property

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate, Facts, Place, estimate
from analysis.findings.panels import Panels, key
from trainables.evaluation.metric_name import MetricSetting


class Means:
    """Means over seeds, with intervals for new seeds and new questions or, where these cannot be had, new seeds only.

    All arms of a report get the same kind of interval, so that they can be compared by eye.
    """

    def __init__(self, facts: Facts, panels: Panels) -> None:
        self._facts, self._panels = facts, panels

    def of(self, arm: Arm, benchmark: Benchmark, setting: MetricSetting) -> Estimate | None:
        """The mean of an arm in a setting; None if it has none, no interval for a single seed."""
        return self.at(arm, _place(benchmark, setting))

    def at(self, arm: Arm, place: Place) -> Estimate | None:
        """The mean of an arm at a place; None if it has none, no interval for a single seed."""
        found = estimate(arm.values(place.metric).values(), place.measure.unit)
        if found is None or not self.cover_questions or not arm.compared:
            return found
        # scipy.stats takes most of a second to import.
        from analysis.statistics.significance import arm_mean

        panel = self._panels.of(arm, place)
        if panel is None:
            return found
        mean = arm_mean(panel, key(arm), is_share=place.measure.unit == "score")
        low, high = mean.interval or (None, None)
        return Estimate(mean.mean, low, high, mean.n_seeds)

    @cached_property
    def cover_questions(self) -> bool:
        """Whether the intervals hold for new questions too: every compared arm has all its values per question."""
        arms = [arm for arm in self._facts.arms if arm.compared]
        for arm in arms:
            for benchmark in self._facts.benchmarks:
                for setting in benchmark.summaries:
                    values = arm.values(benchmark.column(setting))
                    panel = self._panels.of(arm, _place(benchmark, setting))
                    if panel is None or panel.seeds != tuple(values) or not panel.is_sample:
                        return False
        return bool(arms)

    @property
    def note(self) -> str:
        """What the brackets mean, in the words of the seeds at hand."""
        counts = sorted({len(arm.seeds) for arm in self._facts.arms})
        if not counts or counts[-1] < 2:
            return "One seed per arm: single runs have no interval."
        new = f"new {_units(self._facts)}"
        kind = f"for {new} and new questions" if self.cover_questions else f"for {new} on the same questions"
        single = " Arms with one seed have no interval." if counts[0] == 1 else ""
        return f"Intervals: 95 %, each for itself, {kind} (Student's t).{single}"


def _place(benchmark: Benchmark, setting: MetricSetting) -> Place:
    return Place(benchmark.name, setting, benchmark.measure)


def _units(facts: Facts) -> str:
    """What is sampled beside questions, in words."""
    return "searches with their seeds" if any(arm.searches > 1 for arm in facts.arms) else "seeds"


def seeds_note(facts: Facts) -> str:
    """What brackets mean that hold for seeds alone, in the words of the seeds at hand."""
    counts = sorted({len(arm.seeds) for arm in facts.arms})
    if not counts or counts[-1] < 2:
        return "One seed per arm: single runs have no interval."
    note = f"In brackets: 95 % interval of the mean over {_units(facts)} (Student's t)."
    return note + (" Arms with one seed have no interval." if counts[0] == 1 else "")
