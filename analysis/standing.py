"""Where a study stands, in the sentences that open its report."""

from analysis.facts.arms import without_repeats
from analysis.facts.collapse import collapsed_seeds
from analysis.facts.facts import Facts
from analysis.facts.records import StudyRecords
from analysis.findings.findings import Findings
from analysis.wording import count, listed, span
from study.records import PhaseCounts


def standing(findings: Findings) -> list[str]:
    """What a reader must know before the first number: unfinished, failed, damaged. Empty if all is well."""
    facts = findings.facts
    lines = []
    for study in facts.studies:
        prefix = f"{study.label}: " if len(facts.studies) > 1 else ""
        lines += [prefix + line for line in _state(study)]
    failed = [run for run in facts.runs if run.status in ("failed", "diverged")]
    if failed:
        names = ", ".join(run.id for run in failed[:3]) + (", ..." if len(failed) > 3 else "")
        lines.append(
            f"{count(len(failed), 'trial')} failed or diverged ({names}); the section Details gives their errors."
        )
    lines += _seeds(facts)
    lines += _collapsed(facts)
    return list(dict.fromkeys([*lines, *findings.problems]))


def _seeds(facts: Facts) -> list[str]:
    """Which seeds the numbers do not rest on."""
    lines = []
    unused = [arm for arm in facts.arms if arm.left_out]
    if unused:
        number = sum(len(arm.left_out) for arm in unused)
        shared = sorted({len(arm.seeds) for arm in facts.arms if arm.compared})
        apart = " but those of the question's own comparison" * any(arm.asked for arm in facts.arms)
        lines.append(
            f"All numbers{apart} rest on the seeds that all compared arms have finished ({span(shared, 'count')}): "
            f"{count(number, 'finished run')} of {listed([arm.label for arm in unused])} left out."
        )
    for arm in facts.arms:
        if not arm.compared:
            which = "of the seeds that the others have" if arm.asked else "of what the others have"
            meets = "compared for the question alone" if arm.asked else "not compared"
            lines.append(
                f"{arm.label} has {count(len(arm.seeds), 'finished seed')}, no more than half {which}: "
                f"it is shown, but {meets}."
            )
        if arm.diverged:
            lines.append(
                f"{arm.label} diverged under {count(len(arm.diverged), 'seed')} of {arm.attempted}: what its other "
                "seeds reach is never called best or better than an arm that lost fewer."
            )
    return lines


def _collapsed(facts: Facts) -> list[str]:
    """Where encoders tell candidates no longer apart."""
    lines = []
    for arm in without_repeats(facts.arms):
        for benchmark in facts.benchmarks:
            if seeds := collapsed_seeds(arm, benchmark):
                lines.append(
                    f"{arm.label} has collapsed under {count(len(seeds), 'seed')} ({listed(list(map(str, seeds)))}): "
                    f"it gives so many candidates of {benchmark.name} one score that their ranks, the worst that such "
                    "ties allow, say nothing."
                )
    return lines


def _state(study: StudyRecords) -> list[str]:
    status = study.study.status
    counts = status.trials.get(status.phase, PhaseCounts(planned=0))
    ended = (
        f"{counts.done} of {counts.planned} planned trials have ended"
        if counts.planned
        else f"{count(counts.done, 'trial')} ended"
    )
    lines = []
    match status.state:
        case "running":
            lines.append(f"The study is running ({status.phase} phase, {ended}): the numbers will change.")
        case "interrupted":
            lines.append(f"The study was interrupted in its {status.phase} phase ({ended}): the numbers are not final.")
        case "lost":
            lines.append(f"The study lost Ray in its {status.phase} phase ({ended}): the numbers are not final.")
        case "budget":
            lines.append(f"The study stopped at its budget in the {status.phase} phase ({ended}).")
    if study.info.settings.until_separable is not None and study.study.decision is None:
        lines.append(
            "Seeds are added until the main comparison has a verdict, and it was not looked at yet: what stands below "
            "is no verdict."
        )
    if study.info.seen_at:
        seeds = " and ".join(map(str, study.info.seen_at))
        lines.append(
            f"Seeds were added after results with {seeds} could be seen: the p values and intervals take the number of "
            "seeds as fixed beforehand and do not allow for that (--until-separable, from the start, does)."
        )
    lines += study.study.gaps
    if not study.arms:
        ended_any = any(run.status != "running" for run in study.runs)
        lines.append(
            "The arms are not chosen yet: there is nothing to compare." if ended_any else "No trial has ended yet."
        )
    elif not any(run.phase == "confirm" and run.status == "complete" for run in study.runs):
        lines.append("No trial of the confirm phase has finished yet: there is nothing to compare.")
    return lines
