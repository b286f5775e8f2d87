"""Which trainings the main comparison stands on: those of its two arms and what these are made of.

Only they need the seeds that are added for its verdict. Everything here follows from the arms that a study has chosen.
"""

from collections.abc import Mapping, Sequence

from study.records import ArmRecord
from trainables.evaluation.config import EvaluationConfig
from trainables.records import TrialRecord

MERGED = 1.0, 0.0
"""The constant ratios of the arms that are merged."""

Place = tuple[str, int, str]
"""An arm: its name, the search that chose it, its cell."""


def place_of(one: ArmRecord | TrialRecord) -> Place:
    """What tells an arm, or that of a confirm trial, from all others of its study."""
    return one.arm or "", one.repetition, ", ".join(one.cell.values())


def trainings_of(main_comparison: Sequence[str] | None, arms: Sequence[ArmRecord]) -> frozenset[Place]:
    """The trainings of the main comparison, in every cell and search; all of them where there is no such comparison.

    With an arm that is merged go the two arms whose encoders it averages, and with every training the arms that are
    the same one judged in another way, which cost nothing.
    """
    if not main_comparison:
        return frozenset(place_of(arm) for arm in arms if arm.same_as is None)
    trained = {place_of(arm): arm for arm in arms if arm.same_as is None}
    named = [arm for arm in arms if arm.arm in main_comparison]
    found = [trained[arm.same_as or arm.arm, *place_of(arm)[1:]] for arm in named]
    found += [source for arm in found for source in sources_of(arm, arms)]
    views = views_of(arms)
    return frozenset(place_of(one) for arm in found for one in (arm, *views[place_of(arm)]))


def sources_of(arm: ArmRecord, arms: Sequence[ArmRecord]) -> list[ArmRecord]:
    """The arms whose encoders a merged one averages: X-X-mono, then X-Y, as they are trained."""
    if arm.config.merging.cross_weight is None:
        return []
    beside = [one for one in arms if place_of(one)[1:] == place_of(arm)[1:]]
    named = {one.arm: one for one in beside}
    found = [one for ratio in MERGED for one in beside if (one.role, one.constant_ratio) == ("strategy", ratio)]
    return [named[one.same_as or one.arm] for one in found]


def views_of(arms: Sequence[ArmRecord]) -> Mapping[Place, list[ArmRecord]]:
    """The arms that differ from an earlier one in how it is judged alone, by the place of that one."""
    found: dict[Place, list[ArmRecord]] = {}
    first: dict[tuple[str, int, str], ArmRecord] = {}
    for arm in arms:
        if arm.same_as is None:
            training = arm.config.model_copy(update={"evaluation": EvaluationConfig()}).fingerprint
            original = first.setdefault((training, *place_of(arm)[1:]), arm)
            found[place_of(arm)] = []
            if original is not arm:
                found[place_of(original)].append(arm)
    return found
