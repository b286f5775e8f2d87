"""Whether the difference of a schedule and a constant ratio is the schedule's, or that of options chosen beside it."""

import math
from collections.abc import Iterator

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts
from analysis.facts.options import as_text, fingerprint, option_words, plain_options
from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.wording import capital, headline, listed


def schedule_alone(findings: Findings, judged: Judged) -> Iterator[str]:
    """What else two arms differ in, and what is left of the difference where nothing else does.

    Every branch has a search of its own, of few trials: the best schedule may have won by a learning rate that the
    constants were never tried with.
    """
    first, second = judged.first, judged.second
    if first.role != "dynamic" or first.parts or first.searches > 1:
        return
    others = _beside_the_ratio(first, second)
    if not others:
        return
    yield f"Beside their ratios they differ in {listed(others)}."
    control = _its_constant(findings.facts, first)
    if control is None:
        yield (
            f"No arm has the options of {first.label} and a constant ratio of both kinds of batches (the control "
            "same-mean has), so that the difference need not be the schedule's."
        )
        return
    found = findings.judge.find(first, control, judged.place)
    if found is not None:
        yield (
            f"{capital(first.label)} against {control.label}, which has its options and the constant ratio "
            f"{control.constant_ratio:.3g}: {headline(found)}"
        )


def _its_constant(facts: Facts, winner: Arm) -> Arm | None:
    """The arm with a constant ratio and all other options of another one that says what its movement is worth.

    Its own control before all others: that has its mean. Of the others the nearest to its mean; never one at an end of
    the scale, where no batch is of the one kind: from that every mixture differs, whatever it does over time.
    """
    means = [run.mean_ratio for run in winner.runs if run.mean_ratio is not None]
    mean = math.fsum(means) / len(means) if means else 0.5
    names = [name for name in (winner.name, winner.record.same_as) if name]
    found = []
    for arm in facts.arms:
        ratio, is_its_own = arm.constant_ratio, arm.record.of in names
        if ratio is None or arm.group != winner.group or not _differ_in_ratio_alone(arm, winner):
            continue
        if is_its_own or (arm.role != "control" and 0 < ratio < 1):
            found.append((not is_its_own, abs(ratio - mean), arm))
    return min(found, key=lambda one: one[:2])[2] if found else None


def _beside_the_ratio(first: Arm, second: Arm) -> list[str]:
    """The options in which two arms differ, with both values: `learning rate (7.4e-05 and 3e-05)`."""
    options = [plain_options(arm.record.config) for arm in (first, second)]
    keys = [key for key in dict.fromkeys(key for one in options for key in one) if not key.startswith("ratio.")]
    values = [(key, *(_short(one.get(key)) for one in options)) for key in keys]
    return [f"{option_words(key)} ({one} and {other})" for key, one, other in values if one != other]


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else as_text(value)


def _differ_in_ratio_alone(arm: Arm, other: Arm) -> bool:
    return fingerprint(arm.record.config, ["ratio"]) == fingerprint(other.record.config, ["ratio"])
