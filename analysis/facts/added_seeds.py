"""The seeds that studies gave to the trainings of their main comparison alone."""

from collections.abc import Iterable

from analysis.facts.arms import cell_key
from analysis.facts.records import StudyRecords
from analysis.facts.runs import Cell


def added_seeds(studies: Iterable[StudyRecords], cell: Cell) -> frozenset[int]:
    """The seeds of a cell that no arm but those of the main comparison has begun, in any of the studies.

    Empty unless a study was asked for them, and where there is no other arm: what was lost or interrupted makes none.
    """
    held = list(studies)
    trainings = {study: study.of_question(cell) for study in held if study.adds_seeds}
    needed = {training for own in trainings.values() for training in own}
    given: set[int] = set()
    others: set[int] = set()
    for study in held:
        untrained = {arm.arm for arm in study.arms if arm.is_untrained}
        for run in study.runs:
            if run.phase != "confirm" or run.arm in untrained or cell_key(run.cell) != cell_key(cell):
                continue
            if (run.arm, run.repetition) not in needed:
                others.add(run.seed)
            elif study in trainings:
                given.add(run.seed)
    return frozenset(given - others) if others else frozenset()
