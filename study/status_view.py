"""What there is to see of a study in its records: counts, time left, leaderboard, last failure.

It shows what chooses, the dev metrics of the search, and no result of a benchmark: who looks at these while seeds are
added tests more often than is counted.
"""

import time
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from study.records import Study, Trial
from study.terminal import Progress
from trainables.evaluation.metric_name import DEV
from trainables.inert import inert
from trainables.trial_log import where_to_read_on


def view(study: Study, console: Console) -> RenderableType:
    """All that there is to see of a study now, as something that rich prints."""
    location, state = study.folder.location, study.status.state
    lines = [inert(problem) for problem in study.problems]
    failed = [t for t in study.trials if t.result is not None and t.status in ("failed", "diverged")]
    if failed:
        lines.append(inert(_failure(max(failed, key=lambda trial: trial.result.ended if trial.result else ""))))
    if state not in ("running", "complete"):
        lines.append(f"go on: python -m study.run --resume {inert(location)}")
    tables = [leaderboard(study), *([_arms(study)] if study.arms else [])]
    return Group(progress_of(study, console).view(), *tables, *(Text(line) for line in lines))


def progress_of(study: Study, console: Console) -> Progress:
    """The view of a running study (`study.terminal`), told by its records."""
    status, objective = study.status, study.info.objectives[0]
    counts = status.trials.get(status.phase)
    progress = Progress(
        console,
        f"{inert(study.name)} ({status.state})",
        status.dashboard if status.state == "running" else None,
        concurrent=max(1, counts.running if counts else 1),
        quiet=True,
        phase=status.phase,
        planned={phase: status.trials[phase].planned for phase in ("search", "confirm") if phase in status.trials},
        objective=inert(objective.metric),
        maximize=objective.maximised,
        started=time.monotonic() - _seconds(study.info.created, status.updated),
    )
    for trial in study.trials:
        if trial.result is not None:
            seconds = trial.result.cost.total_seconds or None
            value = _dev(trial, objective.metric)
            progress.trial_ended(inert(trial.id), trial.phase, trial.status, value, None, seconds)
        elif status.state == "running":
            progress.trial_started(inert(trial.id), trial.config.steps)
            for report in trial.reports():
                value = (report.dev or {}).get(objective.metric)
                progress.trial_reported(inert(trial.id), {**report.model_dump(), "objective": value})
    return progress


def leaderboard(study: Study) -> Table:
    """The best search trial of every branch, by the first objective."""
    first = study.info.objectives[0]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("search", "trials"):
        table.add_column(name, no_wrap=True)
    for one in study.info.objectives:
        table.add_column(f"dev {inert(one.metric)}", justify="right", no_wrap=True)
    table.add_column("best trial", no_wrap=True)
    table.add_column("ratio")
    rows = []
    for branch in study.info.branches:
        place = branch.branch, dict(branch.cell)
        trials = [t for t in study.trials if t.phase == "search" and (t.record.branch, dict(t.record.cell)) == place]
        ended = sum(trial.result is not None for trial in trials)
        scored = [(v, t) for t in trials if t.status == "complete" and (v := _dev(t, first.metric)) is not None]
        best = (max if first.maximised else min)(scored, key=lambda one: one[0], default=None)
        rank = float("inf") if best is None else -best[0] if first.maximised else best[0]
        rows.append((rank, branch, ended, None if best is None else best[1]))
    for _, branch, ended, trial in sorted(rows, key=lambda row: row[0]):
        values = [None if trial is None else _dev(trial, one.metric) for one in study.info.objectives]
        label = " ".join([*branch.cell.values(), branch.branch])
        table.add_row(
            inert(label),
            f"{ended}/{branch.trials * study.info.settings.repeat_search}",
            *("-" if value is None else f"{value:.4f}" for value in values),
            "-" if trial is None else inert(trial.id),
            "-" if trial is None else inert(trial.config.ratio.summary()),
        )
    return table


def _arms(study: Study) -> Table:
    """How many confirm runs of every arm have finished."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("confirm", no_wrap=True)
    table.add_column("seeds done", justify="right")
    table.add_column("ratio")
    for arm in study.arms:
        again = [f"search {arm.repetition}"] if study.info.settings.repeat_search > 1 else []
        label = " ".join([*arm.cell.values(), arm.arm, *again])
        table.add_row(inert(label), str(len(study.confirm_trials(arm))), inert(arm.description))
    return table


def _failure(trial: Trial) -> str:
    error = f": {trial.result.error}" if trial.result is not None and trial.result.error else ""
    return f"last failure: {trial.id} {trial.status}{error}{where_to_read_on(trial.folder)}"


def _seconds(start: str, end: str) -> float:
    """Seconds between two times as records hold them; 0 if one of them is none."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (TypeError, ValueError):
        return 0.0


def _dev(trial: Trial, metric: str) -> float | None:
    return None if trial.result is None else trial.result.metrics.get(f"{DEV}/{metric}")
