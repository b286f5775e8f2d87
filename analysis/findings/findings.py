"""Everything that the sections of a report read, computed once."""

from collections.abc import Iterable
from functools import cached_property

from analysis.facts.efficiency import Efficiency
from analysis.facts.facts import Facts
from analysis.facts.questions import Questions
from analysis.findings.comparisons import Comparisons, Judge, compare_arms
from analysis.findings.efficiency import Priced, priced
from analysis.findings.growth import Growth, growths
from analysis.findings.levels import Interaction, Level, LevelEffect, interactions, level_effects, levels
from analysis.findings.means import Means
from analysis.findings.pairing import MissingPair, missing_pairs
from analysis.findings.panels import Panels

DEFAULT_MARGIN = 0.005


class Findings:
    """The facts of a report and what the statistics say about them.

    Args:
        facts: the merged records.
        margin: the largest difference that counts as none.
        watts: average power of one worker, if known.
    """

    def __init__(self, facts: Facts, margin: float = DEFAULT_MARGIN, watts: float | None = None) -> None:
        self.facts, self.margin, self.watts = facts, margin, watts
        self.questions = Questions(facts)
        self.panels = Panels(facts, self.questions)
        self.means = Means(facts, self.panels)

    @classmethod
    def of(cls, locations: Iterable[str], margin: float = DEFAULT_MARGIN, watts: float | None = None) -> "Findings":
        """Reads the studies in these folders; raises UserError for what is no study or cannot be merged."""
        return cls(Facts.of(locations), margin, watts)

    @cached_property
    def comparisons(self) -> Comparisons:
        """All comparisons of arms with their verdicts."""
        return compare_arms(self.facts, self.judge)

    @cached_property
    def judge(self) -> Judge:
        """What judges any two arms as this report does."""
        return Judge(self.facts, self.questions, self.panels, self.margin)

    @cached_property
    def efficiency(self) -> Efficiency:
        """What the measure phase has found."""
        return Efficiency(self.facts)

    @cached_property
    def priced(self) -> list[Priced]:
        """What retrieval costs with every arm, against the baseline."""
        return priced(self.facts, self.efficiency)

    @cached_property
    def levels(self) -> list[Level]:
        """The main pair at every level of every factor, and over all cells."""
        return levels(self.facts)

    @cached_property
    def missing(self) -> list[MissingPair]:
        """Where the main pair was planned and is not compared."""
        return missing_pairs(self.facts)

    @cached_property
    def interactions(self) -> list[Interaction]:
        """How the main difference changes between the levels of a factor."""
        return interactions(self.facts, self.questions, self.margin)

    @cached_property
    def level_effects(self) -> list[LevelEffect]:
        """What the levels of a factor change in each arm of the main pair."""
        return level_effects(self.facts, self.questions, self.margin)

    @cached_property
    def growths(self) -> tuple[list[Growth], list[str]]:
        """The trends over size, and why others could not be fitted."""
        return growths(self.facts)

    @property
    def problems(self) -> list[str]:
        """What was damaged, left out or could not be compared, in sentences; grows as more is read."""
        return list(dict.fromkeys([*self.facts.problems, *self.questions.problems]))
