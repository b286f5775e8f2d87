"""Where a study stands, in the sentences that open its report."""

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.decisions import FILE as DECISION
from analysis.findings import Findings
from study.records import Study


def standing(findings: Findings, problems: Iterable[str] = ()) -> list[str]:
    """What a reader must know before the first number: unfinished, failed, damaged. Empty if all is well."""
    lines = []
    for study, label in findings.labels.items():
        prefix = f"{label}: " if len(findings.studies) > 1 else ""
        lines += [prefix + line for line in _state(study)]
    failed = [trial for trial in findings.trials if trial.status in ("failed", "diverged")]
    if failed:
        names = ", ".join(trial.id for trial in failed[:3]) + (", ..." if len(failed) > 3 else "")
        lines.append(
            f"{_count(len(failed), 'trial')} failed or diverged ({names}); the section Details gives their errors."
        )
    uneven = sorted({len(arm.trials) for arm in findings.arms})
    if len(uneven) > 1:
        lines.append(
            f"The arms have between {uneven[0]} and {uneven[-1]} finished seeds; the tables say how many each."
        )
    return list(dict.fromkeys([*lines, *findings.problems, *problems]))


def _state(study: Study) -> list[str]:
    status = study.status
    state, phase = str(status.get("state")), str(status.get("phase"))
    counts: Mapping[str, Any] = status.get("trials", {}).get(phase, {})
    done, planned = int(counts.get("done", 0)), int(counts.get("planned", 0))
    ended = f"{done} of {planned} planned trials have ended" if planned else f"{_count(done, 'trial')} ended"
    lines = []
    match state:
        case "running":
            lines.append(f"The study is running ({phase} phase, {ended}): the numbers will change.")
        case "interrupted":
            lines.append(f"The study was interrupted in its {phase} phase ({ended}): the numbers are not final.")
        case "budget":
            lines.append(f"The study stopped at its budget in the {phase} phase ({ended}).")
    if study.info.get("settings", {}).get("until_separable") and not study.folder.exists(DECISION):
        lines.append(
            "Seeds are added until the main comparison has a verdict, and it was not looked at yet: what stands below "
            "is no verdict."
        )
    if study.info.get("seen_at"):
        seeds = " and ".join(str(count) for count in study.info["seen_at"])
        lines.append(
            f"Seeds were added after results with {seeds} could be seen: the p values and intervals take the number of "
            "seeds as fixed beforehand and do not allow for that (--until-separable, from the start, does)."
        )
    if not study.arms:
        any_result = any(trial.result is not None for trial in study.trials)
        lines.append(
            "The arms are not chosen yet: there is nothing to compare." if any_result else "No trial has ended yet."
        )
    elif not any(t.phase == "confirm" and t.status == "complete" for t in study.trials):
        lines.append("No trial of the confirm phase has finished yet: there is nothing to compare.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
