"""Search and training: what the arms are, how their parameters were chosen, and how training went."""

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, estimate
from analysis.facts.runs import Run, with_dev_value
from analysis.facts.schedules import as_text
from analysis.render.table import Column, Table, make_table
from analysis.sections.importance import importance
from analysis.sections.parallel import parallel_coordinates
from analysis.sections.section import Section
from analysis.sections.training import learning_curves, schedules


def arms(facts: Facts) -> Table:
    """What each arm is: its schedule, its parameters, the mean ratio asked for and the share that was drawn."""
    columns = [
        Column("arm", "Arm"),
        Column("role", "Role"),
        Column("schedule", "Schedule"),
        Column("mean_ratio", "Mean \N{GREEK SMALL LETTER ALPHA}", "number"),
        Column("mono_share", "Monolingual batches", "share"),
        Column("learning_rate", "Learning rate", "number"),
        Column("chosen_from", "Chosen from"),
        Column("seeds", "Seeds", "count"),
        Column("description", "Description"),
    ]
    rows = []
    for arm in facts.arms:
        record = arm.record
        share = estimate(run.mono_share for run in arm.runs if run.mono_share is not None)
        drawn = estimate(run.mean_ratio for run in arm.runs if run.mean_ratio is not None)
        mean = record.mean_ratio if record.mean_ratio is not None else None if drawn is None else drawn.mean
        rows.append(
            [
                arm.label,
                _role(arm),
                record.schedule.text if record.schedule else "",
                mean,
                None if share is None else share.mean,
                record.learning_rate,
                record.chosen_from,
                len(arm.runs),
                record.description,
            ]
        )
    return make_table("arms", "The arms", columns, rows)


def _role(arm: Arm) -> str:
    belongs = f" of {arm.record.of}" if arm.record.of else ""
    same = f", the same training as {arm.record.same_as}" if arm.record.same_as else ""
    return f"{arm.role}{belongs}{same}"


def search(facts: Facts) -> Table:
    """The search budget of each family and what it found: every family must have had the same."""
    objective = facts.objective
    columns = [
        Column("family", "Family"),
        Column("planned", "Planned", "count"),
        Column("complete", "Complete", "count"),
        Column("pruned", "Stopped early", "count"),
        Column("failed", "Failed", "count"),
        Column("pairs", "Training pairs", "count"),
        Column("best", f"Best dev {objective.metric}", "score"),
        Column("chosen", "Parameters of the best"),
    ]
    planned = [study.planned_trials for study in facts.studies]
    by_branch: dict[str, list[Run]] = {branch: [] for plan in planned for branch in plan}
    for run in facts.search_runs():
        by_branch.setdefault(run.branch, []).append(run)
    choose = max if objective.maximised else min
    rows = []
    for branch, runs in by_branch.items():
        best = choose(with_dev_value(runs, objective.metric), key=lambda pair: pair[1], default=None)
        rows.append(
            [
                branch,
                sum(plan.get(branch, 0) for plan in planned),
                sum(run.status == "complete" for run in runs),
                sum(run.status == "pruned" for run in runs),
                sum(run.status in ("failed", "diverged") for run in runs),
                sum(int(run.cost("pairs") or 0) for run in runs),
                None if best is None else best[1],
                "" if best is None else _parameters(best[0]),
            ]
        )
    notes = ["Parameters are chosen on dev data only; a trial that was stopped early cannot be chosen."]
    return make_table("search", "Search budget by family", columns, rows, notes)


def _parameters(run: Run) -> str:
    training = run.training
    parts = [training.schedule.text if training.schedule else ""]
    for name, value in (("learning_rate", training.learning_rate), ("temperature", training.temperature)):
        parts += [] if value is None else [f"{name} {as_text(value)}"]
    return ", ".join(part for part in parts if part)


SECTION = Section(
    "search",
    "Search and training",
    "What the arms are, how their parameters were chosen, and how training went.",
    tables=lambda findings: [arms(findings.facts), search(findings.facts)],
    figures=lambda findings: [
        *schedules(findings),
        *learning_curves(findings),
        *importance(findings),
        *parallel_coordinates(findings),
    ],
)
