"""Which arms are compared with which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.facts.arms import Arm, cell_key
from analysis.facts.facts import Facts
from analysis.facts.runs import Cell

Pair = tuple[Arm, Arm]


def main_pairs(facts: Facts) -> list[Pair]:
    """The pair that the question is about, once per cell and study that has both arms."""
    if len(facts.main_comparison) != 2:
        return []
    first, second = facts.main_comparison
    return [(a, b) for rivals in facts.groups for a in rivals if a.name == first for b in rivals if b.name == second]


@dataclass(frozen=True)
class MissingPair:
    """A cell of the plan where the two arms that the question is about are not compared, and why."""

    cell: Cell
    reason: str


def missing_pairs(facts: Facts) -> list[MissingPair]:
    """The cells of the plan without a comparison of the main pair: runs failed, were lost, or are still to come."""
    found = []
    for cell in facts.planned_cells if len(facts.main_comparison) == 2 else ():
        reasons = [reason for name in facts.main_comparison if (reason := _why_not_compared(facts, name, cell))]
        if reasons:
            found.append(MissingPair(cell, " and ".join(reasons)))
    return found


def _why_not_compared(facts: Facts, name: str, cell: Cell) -> str:
    """Why an arm takes part in no comparison in a cell; empty if it does."""
    held = [arm for arm in facts.arms if arm.name == name and cell_key(arm.cell) == cell_key(cell)]
    if not held:
        lost = len(facts.diverged_seeds(name, cell))
        seeds = f"{lost} seed{'s' * (lost > 1)}"
        return f"{name} diverged under {seeds} and finished none" if lost else f"{name} has finished no seed"
    if any(arm.whole.compared for arm in held):
        return ""
    return f"{name} has finished too few of the seeds of the others"


def no_fair_sample(verdict: str, differences: Sequence[Pair]) -> str:
    """Why a verdict is withheld: in some cell an arm that it favours lost more seeds than the other; empty if not.

    Args:
        verdict: on a number that grows with the differences.
        differences: each the first arm minus the second one.
    """
    for first, second in differences if verdict in ("better", "worse") else ():
        ahead, behind = (first, second) if verdict == "better" else (second, first)
        for one, other in zip(ahead.of_cells, behind.of_cells, strict=True):
            if len(one.diverged) > len(other.diverged):
                lost = f"{len(one.diverged)} of {one.attempted} seeds of {one.label}"
                return f"{lost} diverged, and those that are left are no fair sample"
    return ""


def compared_pairs(facts: Facts) -> list[Pair]:
    """Every comparison of the report: the main pair, then dynamic arms, static arms and controls against their rivals.

    A dynamic arm meets the best static arm; the arms of the main pair meet the strategies; a control meets the arm
    that it belongs to, and the best schedule what costs no training; an arm from outside, such as the untrained
    encoder, meets the arms of the main pair. Without any of these, every two arms meet. Arms with identical training
    are never compared.
    """
    pairs = main_pairs(facts)
    for rivals in facts.groups:
        # The front of several objectives is a table of its own: its arms are not there to beat one another.
        rivals = [arm for arm in rivals if not arm.is_front]
        proposed = list(_proposed(rivals))
        pairs += proposed or [(a, b) for i, a in enumerate(rivals) for b in rivals[:i]]
    kept: dict[frozenset[tuple[str, ...]], Pair] = {}
    for first, second in pairs:
        if first.identity != second.identity:
            kept.setdefault(frozenset((first.identity, second.identity)), (first, second))
    return list(kept.values())


def _proposed(rivals: list[Arm]) -> Iterator[Pair]:
    static = [arm for arm in rivals if arm.role == "static"]
    strategies = [arm for arm in rivals if arm.role == "strategy"]
    # The best dynamic arm stands first where it only repeats a family's arm under another name.
    dynamic = sorted((arm for arm in rivals if arm.role == "dynamic"), key=lambda arm: not arm.name.startswith("best"))
    yield from ((arm, rival) for arm in dynamic for rival in static)
    leaders = [arm for arm in dynamic if arm.name.startswith("best")] or dynamic
    yield from ((arm, rival) for arm in [*leaders, *static] for rival in strategies)
    given = [arm for arm in rivals if arm.role == "fixed"]
    yield from ((arm, rival) for arm in [*leaders, *static] or strategies for rival in given)
    hybrid = [arm for arm in strategies if arm.name.startswith("hybrid")]
    yield from ((arm, rival) for arm in hybrid for rival in strategies if rival not in hybrid)
    for control in (arm for arm in rivals if arm.role == "control"):
        yield from ((arm, control) for arm in rivals if arm.name == control.record.of)
    yield from ((arm, free) for arm in dynamic if arm.name.startswith("best") for free in free_rivals(rivals))


def free_rivals(rivals: list[Arm]) -> list[Arm]:
    """The arms that cost no training and have no schedule: others of such arms, judged anew, and merged ones. A
    schedule should beat them.
    """
    merged = [arm for arm in rivals if arm.record.config.merging.cross_weight is not None]
    sources = {arm.name: arm.record for arm in rivals if arm.role in ("strategy", "static")}
    controls = ((arm, sources.get(arm.record.of or "")) for arm in rivals if arm.role == "control")
    return merged + [arm for arm, source in controls if source is not None and arm.record.is_judged_anew(source)]
