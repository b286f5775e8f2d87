"""The arms of a group at one place, on the same seeds and questions: what means, verdicts and marks all rest on."""

from typing import TYPE_CHECKING

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Facts, Place
from analysis.facts.questions import Questions
from analysis.statistics.questions import QuestionTable

if TYPE_CHECKING:
    from analysis.statistics.panel import Panel


class Panels:
    """The panels of a report, each made once. An arm stands in a panel under its `key`."""

    def __init__(self, facts: Facts, questions: Questions) -> None:
        self._facts, self._questions = facts, questions
        self._of_group: dict[tuple[tuple[str, str], Place], Panel | None] = {}

    def of_group(self, group: tuple[str, str], place: Place) -> "Panel | None":
        """The panel of all compared arms of a group; None if none has comparable values per question there."""
        if (group, place) not in self._of_group:
            rivals = [arm for arm in self._facts.arms if arm.group == group and arm.compared]
            self._of_group[group, place] = self._panel(without_repeats(rivals), place)
        return self._of_group[group, place]

    def of(self, arm: Arm, place: Place) -> "Panel | None":
        """The panel of an arm's group, if it is in it."""
        panel = self.of_group(arm.group, place)
        return panel if panel is not None and key(arm) in panel.arms else None

    def of_pair(self, first: Arm, second: Arm, place: Place) -> "Panel | None":
        """The panel in which two arms meet: that of their group or, if they stand for several cells, their own."""
        if first.parts or second.parts:
            return self._panel([first, second], place) if self._questions.comparable(first, second, place) else None
        panel = self.of(first, place) if first.group == second.group else None
        return panel if panel is not None and key(second) in panel.arms else None

    def of_question(self, first: Arm, second: Arm, place: Place) -> "Panel | None":
        """The panel in which the two arms of the question meet: their own, where they have seeds that others lack."""
        if first.whole is first and second.whole is second:
            return self.of_pair(first, second, place)
        whole = first.whole, second.whole
        can_meet = all(arm.compared for arm in whole) and self._questions.comparable(*whole, place)
        return self._panel(list(whole), place) if can_meet else None

    def _panel(self, arms: list[Arm], place: Place) -> "Panel | None":
        # scipy takes a good part of a second to import.
        from analysis.statistics.panel import Panel

        tables: dict[str, QuestionTable] = {}
        first: Arm | None = None
        for arm in arms:
            table = self._questions.table(arm, place)
            if table is not None and (first is None or self._questions.comparable(first, arm, place)):
                first = first or arm
                tables[key(arm)] = table
        if not tables or not set.intersection(*(set(table.seeds) for table in tables.values())):
            return None
        return Panel.of(tables)


def key(arm: Arm) -> str:
    """The name of an arm in a panel: the same for two names of one training."""
    return "/".join(arm.identity)
