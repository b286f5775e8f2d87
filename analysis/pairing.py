"""Which arms are compared with which."""

from collections.abc import Iterator

from analysis.findings import Arm, Findings


def main_pairs(findings: Findings) -> list[tuple[Arm, Arm]]:
    """The pair that the question is about, once per model and study that has both arms."""
    names = findings.info.get("main_comparison") or []
    if len(names) != 2:
        return []
    return [pair for rivals in _groups(findings) for pair in _pairs(rivals, str(names[0]), str(names[1]))]


def compared_pairs(findings: Findings) -> list[tuple[Arm, Arm]]:
    """Every comparison of the report: the main pair, then dynamic arms, static arms and controls against their rivals.

    A dynamic arm meets the best static arm; the arms of the main pair meet the strategies; a control meets the arm
    that it belongs to. Without any of these, every two arms meet. Arms with identical training are never compared.
    """
    pairs = main_pairs(findings)
    for rivals in _groups(findings):
        # The front of several objectives is a table of its own: its arms are not there to beat one another.
        rivals = [arm for arm in rivals if not arm.is_front]
        proposed = list(_proposed(rivals))
        pairs += proposed or [(a, b) for i, a in enumerate(rivals) for b in rivals[:i]]
    kept: dict[frozenset[tuple[str, str, str]], tuple[Arm, Arm]] = {}
    for first, second in pairs:
        if training(first) != training(second):
            kept.setdefault(frozenset((training(first), training(second))), (first, second))
    return list(kept.values())


def training(arm: Arm) -> tuple[str, str, str]:
    """What two arms share if they are the same runs."""
    return *arm.group, str(arm.definition.get("same_as") or arm.name)


def _proposed(rivals: list[Arm]) -> Iterator[tuple[Arm, Arm]]:
    static = [arm for arm in rivals if arm.role == "static"]
    strategies = [arm for arm in rivals if arm.role == "strategy"]
    # The best dynamic arm stands first where it only repeats a family's arm under another name.
    dynamic = sorted((arm for arm in rivals if arm.role == "dynamic"), key=lambda arm: not arm.name.startswith("best"))
    yield from ((arm, rival) for arm in dynamic for rival in static)
    leaders = [arm for arm in dynamic if arm.name.startswith("best")] or dynamic
    yield from ((arm, rival) for arm in [*leaders, *static] for rival in strategies)
    hybrid = [arm for arm in strategies if arm.name.startswith("hybrid")]
    yield from ((arm, rival) for arm in hybrid for rival in strategies if rival not in hybrid)
    for control in (arm for arm in rivals if arm.role == "control"):
        yield from ((arm, control) for arm in rivals if arm.name == control.definition.get("of"))


def _groups(findings: Findings) -> list[list[Arm]]:
    """Arms that may meet: those of one model and, unless the studies were put together, of one study."""
    groups: dict[tuple[str, str], list[Arm]] = {}
    for arm in findings.arms:
        groups.setdefault(arm.group, []).append(arm)
    return list(groups.values())


def _pairs(rivals: list[Arm], first: str, second: str) -> Iterator[tuple[Arm, Arm]]:
    yield from ((a, b) for a in rivals if a.name == first for b in rivals if b.name == second)
