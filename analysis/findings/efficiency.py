"""Verdicts on what retrieval costs: every arm against the baseline, the training seed as the unit."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.efficiency import Efficiency
from analysis.facts.facts import Facts
from trainables.evaluation.efficiency.records import NumberRecord

if TYPE_CHECKING:
    from analysis.statistics.ratios import Ratio


@dataclass(frozen=True, eq=False)
class Priced:
    """A number of an arm against that of the baseline.

    control: the same of the baseline's encoders measured twice, under two names (A/A); None where they were not.
    """

    arm: Arm
    baseline: Arm
    benchmark: str
    number: NumberRecord
    ratio: "Ratio"
    control: "Ratio | None"
    margin: float
    is_main: bool
    """Whether the arm is the one that the question is about."""

    @property
    def is_unchecked(self) -> bool:
        """Whether it is a time of which nobody knows the noise: no encoder was measured twice."""
        return self.number.is_timed and self.control is None

    @property
    def is_void(self) -> bool:
        """Whether the noise, one encoder against itself, is unknown or larger than what counts as none."""
        if self.control is None:
            return self.is_unchecked
        return abs(math.log(self.control.ratio)) > math.log1p(self.margin)

    @property
    def verdict(self) -> str:
        """The verdict; `void` where the noise is unknown or too large, `single run` where there is no spread."""
        if self.is_void:
            return "void"
        return self.ratio.verdict if self.ratio.interval is not None else "single run"


def priced(facts: Facts, efficiency: Efficiency) -> list[Priced]:
    """Compares every arm with the baseline of its group by every number that is for comparison.

    The arm that the question is about meets the baseline under all seeds that both have, as everywhere else.
    Four families have an error rate each: numbers that no machine changes, and times, of the arm that the question is
    about; and both of all other arms.
    """
    record = efficiency.record
    if record is None or len(facts.main_comparison) != 2:
        return []
    places = list(_places(facts, efficiency))
    sizes: dict[tuple[bool, bool], int] = {}
    for arm, _, _, number in places:
        family = number.is_timed, arm.name == facts.main_comparison[0]
        sizes[family] = sizes.get(family, 0) + 1
    found = []
    for arm, baseline, benchmark, number in places:
        is_main = arm.name == facts.main_comparison[0]
        size = sizes[number.is_timed, is_main]
        ratio = _ratio(efficiency, arm, baseline, benchmark, number, size)
        if ratio is not None:
            control = _ratio(efficiency, baseline, baseline, benchmark, number, 1, copy=True)
            found.append(Priced(arm, baseline, benchmark, number, ratio, control, record.margin, is_main))
    return found


def _places(facts: Facts, efficiency: Efficiency) -> Iterator[tuple[Arm, Arm, str, NumberRecord]]:
    compared = [one for one in efficiency.record.numbers.values() if one.is_compared] if efficiency.record else []
    for group in facts.groups:
        baseline = next((arm for arm in group if arm.name == facts.main_comparison[1]), None)
        rivals = [arm for arm in group if arm.name == facts.main_comparison[0]]
        # The best dynamic arm keeps its name where it repeats that of a family.
        others = (arm for arm in group if arm not in rivals)
        rivals += sorted(others, key=lambda arm: not (arm.role == "dynamic" and arm.name.startswith("best")))
        for arm in without_repeats(rivals):
            if baseline is None or arm.identity == baseline.identity or arm.record.is_untrained:
                continue
            is_main = arm.name == facts.main_comparison[0]
            one, other = (arm.whole, baseline.whole) if is_main else (arm, baseline)
            for benchmark in efficiency.benchmarks:
                for number in compared:
                    if _ratio(efficiency, one, other, benchmark, number, 1) is not None:
                        yield one, other, benchmark, number


def _ratio(
    efficiency: Efficiency,
    arm: Arm,
    baseline: Arm,
    benchmark: str,
    number: NumberRecord,
    size: int,
    *,
    copy: bool = False,
) -> "Ratio | None":
    """An arm, or with `copy` the baseline's second name, against the baseline; None without seeds of both."""
    one = efficiency.values(arm, benchmark, number.name, copy=copy)
    other = efficiency.values(baseline, benchmark, number.name)
    seeds = [seed for seed in one if one[seed] > 0 and other.get(seed, 0.0) > 0]
    if not seeds or efficiency.record is None:
        return None
    # scipy.stats takes most of a second to import.
    from analysis.statistics.ratios import compare_ratio

    return compare_ratio(
        [one[seed] for seed in seeds],
        [other[seed] for seed in seeds],
        margin=efficiency.record.margin,
        higher_is_better=number.direction == "maximize",
        number=size,
    )
