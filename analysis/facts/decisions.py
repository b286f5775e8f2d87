"""The verdicts of studies that added seeds until their main comparison could be decided (stopping.json)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place
from analysis.facts.records import StudyRecords
from analysis.statistics.comparison import Comparison, Sequential, Verdict
from study.records import DECISION


@dataclass(frozen=True)
class Decision:
    """What a study decided about its main comparison, as docs/records.md describes it."""

    arm: str
    baseline: str
    benchmark: str
    setting: str
    margin: float
    verdict: Verdict
    difference: float
    interval: tuple[float, float]
    p: float
    sequential: Sequential

    def put_into(self, comparison: Comparison) -> Comparison:
        """Returns the comparison as the sequential rule decided it, instead of the test of a fixed number of seeds."""
        seeds = self.sequential.looks[-1]
        return replace(
            comparison,
            difference=self.difference,
            interval=self.interval,
            p=self.p,
            p_holm=None,
            p_equivalence=None,
            margin=self.margin,
            verdict=self.verdict,
            smallest_detectable=None,
            seeds_needed=None,
            n_seeds=seeds,
            n_comparisons=1,
            sequential=self.sequential,
        )


class Decisions:
    """The decisions of all studies of a report."""

    def __init__(self, facts: Facts) -> None:
        found = ((study, recorded_decision(study)) for study in facts.studies)
        self._held = [(study, decision) for study, decision in found if decision is not None]
        self._notes = facts.merge_notes

    def find(self, first: Arm, second: Arm, place: Place) -> Decision | None:
        """The decision on two arms, if the study that made it holds all of their seeds."""
        for study, decision in self._held:
            named = (decision.arm, decision.baseline, decision.benchmark, decision.setting)
            if first.parts or named != (first.name, second.name, place.benchmark, place.setting):
                continue
            inside = [study.holds(run) for run in (*first.runs, *second.runs)]
            if all(inside):
                return decision
            line = (
                f"{study.label} chose its number of seeds by its own results (--until-separable): together with the "
                f"seeds of another study the verdict on {first.label} against {second.label} does not allow for that."
            )
            if any(inside) and line not in self._notes:
                self._notes.append(line)
        return None


def has_decided(study: StudyRecords) -> bool:
    """Whether the study has recorded a decision."""
    return study.exists(DECISION)


def recorded_decision(study: StudyRecords) -> Decision | None:
    """Reads the decision of a study; None if it made none. A damaged file is named and left out."""
    try:
        held: Mapping[str, Any] = study.read_json(DECISION)
        # Arms with identical training are told apart by no test: there is nothing to replace.
        return None if "interval" not in held and held["verdict"] == "equivalent" else _decision(held)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        study.says(f"{study.location}/{DECISION} is damaged and was left out ({error!r})")
        return None


def _decision(held: Mapping[str, Any]) -> Decision:
    verdict = held["verdict"]
    if verdict not in get_args(Verdict):
        raise ValueError(f"no verdict: {verdict}")
    low, high = map(float, held["interval"])
    looks = tuple(map(int, held["looks"]))
    if not looks:
        raise ValueError("no looks")
    return Decision(
        arm=str(held["arm"]),
        baseline=str(held["baseline"]),
        benchmark=str(held["benchmark"]),
        setting=str(held["setting"]),
        margin=float(held["margin"]),
        verdict=verdict,
        difference=float(held["difference"]),
        interval=(low, high),
        p=float(held["p"]),
        sequential=Sequential(looks, int(held["max_seeds"]), float(held["level"]), str(held["sentence"])),
    )
