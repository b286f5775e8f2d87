"""Runs in Weights & Biases, one per trial, in a project per study; offline unless an account is set up here."""

import hashlib
import os
from pathlib import Path
from typing import Any, Literal

from study.listeners.kind import ListenerKind
from study.listeners.listener import curves, parameters, plain
from trainables.records import Outcome, Report, TrialRecord


class WeightsAndBiases:
    """A run per trial, which keeps its id where a trial goes on another time."""

    def __init__(self, study: str, identity: str, folder: Path) -> None:
        """Files go where W&B puts them (WANDB_DIR): it makes links, and the `folder` of a study holds none."""
        self._study, self._identity = study, identity
        self._runs: dict[str, Any] = {}

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Adds a point to every curve of the trial; W&B leaves out steps that it has."""
        self._run(trial).log(curves(report), step=report.step)

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Adds the trial's last metrics and ends its run."""
        run = self._run(trial)
        run.summary.update({**plain(outcome.metrics), "status": outcome.status})
        run.finish(exit_code=int(outcome.status in ("failed", "diverged")))
        del self._runs[trial.id]

    def close(self) -> None:
        """Ends the runs of trials that have not ended; they are taken up again by their id."""
        for run in self._runs.values():
            run.finish()

    def _run(self, trial: TrialRecord) -> Any:
        if trial.id not in self._runs:
            import wandb

            self._runs[trial.id] = wandb.init(
                project=self._study,
                id=hashlib.sha256(f"{self._identity}/{trial.id}".encode()).hexdigest()[:16],
                name=trial.id,
                group=trial.arm or trial.branch,
                job_type=trial.phase,
                tags=[self._identity],
                config=parameters(trial),
                mode=_mode(),
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(silent=True),
            )
        return self._runs[trial.id]


def _mode() -> Literal["online", "offline", "disabled", "shared"]:
    """As WANDB_MODE says; without it and without a key offline, since W&B would ask for one at the terminal."""
    import wandb

    asked: Any = os.environ.get("WANDB_MODE")
    return asked or ("online" if wandb.api.api_key else "offline")


WANDB = ListenerKind("wandb", "wandb", "runs of Weights & Biases, offline without an account", WeightsAndBiases)
