"""What there is to see of a study in its records: counts, time left, leaderboard, last failure.

It shows what chooses, the dev metrics of the search, and no result of a benchmark: who looks at these while seeds are
added tests more often than is counted.
"""

import time
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from study.leaderboard import Leaderboard
from study.study_folder import Study, Trial
from study.terminal import Progress
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
    return Group(progress_of(study, console).view(), *(Text(line) for line in lines))


def progress_of(study: Study, console: Console) -> Progress:
    """The view of a running study (`study.terminal`), told by its records."""
    status, objective = study.status, study.info.objectives[0]
    counts = status.trials.get(status.phase)
    progress = Progress(
        console,
        f"{inert(study.name)} ({status.state})",
        status.dashboard if status.state == "running" else None,
        concurrent=max(1, counts.running if counts else 1),
        leaders=Leaderboard(study.info, study.arms),
        quiet=True,
        phase=status.phase,
        planned={phase: status.trials[phase].planned for phase in ("search", "confirm") if phase in status.trials},
        started=time.monotonic() - _seconds(study.info.created, status.updated),
    )
    for trial in study.trials:
        if trial.result is not None:
            seconds = trial.result.cost.total_seconds or None
            progress.trial_ended(trial.record, trial.status, trial.result.metrics, None, seconds)
        elif status.state == "running":
            progress.trial_started(inert(trial.id), trial.config.steps)
            for report in trial.reports():
                value = (report.dev or {}).get(objective.metric)
                progress.trial_reported(inert(trial.id), {**report.model_dump(), "objective": value})
    return progress


def _failure(trial: Trial) -> str:
    error = f": {trial.result.error}" if trial.result is not None and trial.result.error else ""
    return f"last failure: {trial.id} {trial.status}{error}{where_to_read_on(trial.folder)}"


def _seconds(start: str, end: str) -> float:
    """Seconds between two times as records hold them; 0 if one of them is none."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
