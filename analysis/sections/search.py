"""Search and training: what the arms are, how their parameters were chosen, and how training went."""

from collections import Counter
from collections.abc import Collection

from analysis.facts.facts import Facts, estimate
from analysis.facts.options import option_words, plain_options, schedule_text
from analysis.facts.runs import Run, with_dev_value
from analysis.render.table import Column, Table, make_table
from analysis.sections.importance import importance
from analysis.sections.parallel import parallel_coordinates
from analysis.sections.section import Section
from analysis.sections.training import learning_curves, schedules
from study.records import ArmRecord


def arms(facts: Facts) -> Table:
    """What each arm is: its schedule, its parameters, the mean ratio asked for and the share that was drawn.

    Where the search was repeated, one row for what each search chose.
    """
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
    for arm, record in [(one, chosen) for one in facts.arms for chosen in one.choices]:
        runs = [run for run in arm.runs if run.repetition == record.repetition]
        share = estimate(run.mono_share for run in runs if run.mono_share is not None)
        drawn = estimate(run.mean_ratio for run in runs if run.mean_ratio is not None)
        mean = record.mean_ratio if record.mean_ratio is not None else None if drawn is None else drawn.mean
        rows.append(
            [
                arm.label_in(record.repetition),
                _role(record),
                "" if not record.config.steps else schedule_text(record.config.ratio),
                None if not record.config.steps else mean,
                None if share is None else share.mean,
                None if not record.config.steps else record.config.optimiser.learning_rate,
                record.chosen_from,
                len(runs),
                record.description,
            ]
        )
    return make_table("arms", "The arms", columns, rows)


def _role(record: ArmRecord) -> str:
    belongs = f" of {record.of}" if record.of else ""
    same = f", the same training as {record.same_as}" if record.same_as else ""
    return f"{record.role}{belongs}{same}"


def search(facts: Facts) -> Table:
    """The search budget of each family and what it found, over all searches."""
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
    planned: Counter[tuple[str, str]] = Counter()
    by_branch: dict[tuple[str, str], list[Run]] = {}
    searched: dict[str, None] = {}
    for study in facts.studies:
        for one in study.info.branches:
            place = one.branch, ", ".join(one.cell.values())
            planned[place] += one.trials * study.searches
            by_branch.setdefault(place, [])
            searched |= dict.fromkeys(one.searched)
        for run in study.runs:
            if run.phase == "search":
                by_branch.setdefault((run.branch, study.levels(run)), []).append(run)
    choose = max if objective.maximised else min
    rows = []
    for place, runs in by_branch.items():
        best = choose(with_dev_value(runs, objective.metric), key=lambda pair: pair[1], default=None)
        rows.append(
            [
                " ".join(part if not i else f"({part})" for i, part in enumerate(place) if part),
                planned[place],
                sum(run.status == "complete" for run in runs),
                sum(run.status == "pruned" for run in runs),
                sum(run.status in ("failed", "diverged") for run in runs),
                sum(int(run.cost("pairs") or 0) for run in runs),
                None if best is None else best[1],
                "" if best is None else _parameters(best[0], searched),
            ]
        )
    notes = [
        "Parameters are chosen on dev data only; a trial that was stopped early cannot be chosen. Every strategy and "
        "family has equally many trials; where the searched constant has more, the constants together have as many as "
        "the schedules."
    ]
    searches = max(study.searches for study in facts.studies)
    if searches > 1:
        notes.append(f"The sum of {searches} searches, of which each chose its own arms.")
    return make_table("search", "Search budget by family", columns, rows, notes)


def _parameters(run: Run, searched: Collection[str]) -> str:
    """The options of a trial that were searched, and those that every reader asks for."""
    shown = ("optimiser.learning_rate", "loss.temperature")
    values = plain_options(run.config)
    others = {
        key: values[key] for key in searched if key in values and key.split(".")[0] != "ratio" and key not in shown
    }
    rate, temperature = run.config.optimiser.learning_rate, run.config.loss.temperature
    trained = [schedule_text(run.config.ratio), f"learning_rate {rate:.6g}", f"temperature {temperature:.6g}"]
    parts = trained if run.config.steps else []
    return ", ".join([*parts, *(f"{option_words(key)} {value}" for key, value in others.items())])


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
