"""Whether the difference of a schedule and a constant ratio is the schedule's, or that of options chosen beside it."""

from collections.abc import Iterator

from analysis.facts.arms import Arm
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
    control = next((arm for arm in findings.facts.arms if _is_its_constant(arm, first)), None)
    if control is None:
        yield (
            f"No arm has the options of {first.label} and a constant ratio (the control same-mean has), so that the "
            "difference need not be the schedule's."
        )
        return
    found = next(
        (
            one
            for one in findings.comparisons.judged
            if (one.first, one.second, one.place) == (first, control, judged.place)
        ),
        None,
    )
    if found is not None:
        yield (
            f"{capital(first.label)} against {control.label}, which has its options and a constant ratio: "
            f"{headline(found)}"
        )


def _beside_the_ratio(first: Arm, second: Arm) -> list[str]:
    """The options in which two arms differ, with both values: `learning rate (7.4e-05 and 3e-05)`."""
    options = [plain_options(arm.record.config) for arm in (first, second)]
    keys = [key for key in dict.fromkeys(key for one in options for key in one) if not key.startswith("ratio.")]
    values = [(key, *(_short(one.get(key)) for one in options)) for key in keys]
    return [f"{option_words(key)} ({one} and {other})" for key, one, other in values if one != other]


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else as_text(value)


def _is_its_constant(control: Arm, winner: Arm) -> bool:
    """Whether an arm has a constant ratio and all other options of another one."""
    if control.group != winner.group or control.constant_ratio is None:
        return False
    return fingerprint(control.record.config, ["ratio"]) == fingerprint(winner.record.config, ["ratio"])
