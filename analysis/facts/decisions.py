"""The verdicts of studies that added seeds until their main comparison could be decided (stopping.json)."""

from dataclasses import replace

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place
from analysis.statistics.comparison import Comparison, Sequential
from study.records import DecisionRecord


def decided(decision: DecisionRecord, comparison: Comparison) -> Comparison:
    """Returns the comparison as the sequential rule decided it, instead of the test of a fixed number of seeds."""
    if decision.difference is None or decision.interval is None or decision.p is None or decision.level is None:
        return comparison
    return replace(
        comparison,
        difference=decision.difference,
        interval=decision.interval,
        p=decision.p,
        p_adjusted=None,
        p_equivalence=None,
        margin=decision.margin,
        verdict=decision.verdict,
        detectable=None,
        seeds_needed=None,
        n_seeds=decision.looks[-1],
        n_comparisons=1,
        sequential=Sequential(decision.looks, decision.max_seeds, decision.level, decision.sentence),
    )


class Decisions:
    """The decisions of all studies of a report."""

    def __init__(self, facts: Facts) -> None:
        # A decision without interval is one on arms with identical training, which are never compared.
        self._held = [(study, found) for study in facts.studies if (found := study.study.decision) and found.interval]
        self._notes = facts.merge_notes

    def find(self, first: Arm, second: Arm, place: Place) -> DecisionRecord | None:
        """The decision on two arms, if the study that made it holds all of their seeds."""
        for study, decision in self._held:
            named = (decision.arm, decision.baseline, decision.benchmark, decision.setting, decision.metric)
            cells = {frozenset(arm.cell.items()) for arm in study.arms}
            if named != (first.name, second.name, place.benchmark, place.setting, place.measure.name):
                continue
            # With factors the decision is about the mean over all cells.
            if len(first.of_cells) != len(cells):
                continue
            runs = [run for arm in (first, second) for part in arm.whole.of_cells for run in part.runs]
            inside = [study.holds(run) for run in runs]
            if all(inside):
                return decision
            line = (
                f"{study.label} chose its number of seeds by its own results (--until-separable): together with the "
                f"seeds of another study the verdict on {first.label} against {second.label} does not allow for that."
            )
            if any(inside) and line not in self._notes:
                self._notes.append(line)
        return None
