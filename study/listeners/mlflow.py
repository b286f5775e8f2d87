"""Runs in MLflow, one per trial, in an experiment per name of a study; the server is that of MLFLOW_TRACKING_URI."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.listeners.kind import ListenerKind
from study.listeners.listener import curves, parameters, plain
from trainables.records import Outcome, Report, TrialRecord

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}
_LONGEST_VALUE = 500
_STEP = "step"
_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Else its page begins with what conversations of language models would fill."""


class MLflow:
    """Talks to the tracking server through `MlflowClient`, which knows no current run, so that trials do not mix."""

    def __init__(self, study: str, identity: str, folder: Path) -> None:
        """Finds or creates the experiment; `folder` is not used."""
        # Its defaults would ask a server that is away for minutes, for every report.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow import MlflowClient

        self._client = MlflowClient()
        self._identity = identity
        found = self._client.get_experiment_by_name(study)
        self._experiment = (
            self._client.create_experiment(study, tags=_TRAINING) if found is None else found.experiment_id
        )
        self._runs: dict[str, tuple[str, int]] = {}

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Adds a point to every curve of the trial, unless it has it from an earlier start."""
        run, step = self._run(trial)
        if report.step > step:
            self._log(run, {**curves(report), _STEP: report.step}, report.step)
            self._runs[trial.id] = run, report.step

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Adds the trial's last metrics and ends its run."""
        run, _ = self._run(trial)
        self._log(run, plain(outcome.metrics), outcome.steps)
        self._client.set_tag(run, "status", outcome.status)
        self._client.set_terminated(run, _STATUS[outcome.status])
        del self._runs[trial.id]

    def close(self) -> None:
        """Nothing to close: runs of trials that have not ended go on another time."""

    def _log(self, run: str, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        milliseconds = int(time.time() * 1000)
        found = [Metric(name, value, milliseconds, step) for name, value in values.items()]
        self._client.log_batch(run, metrics=found)

    def _run(self, trial: TrialRecord) -> tuple[str, int]:
        """The run of a trial, new or from an earlier start, and the last step that it knows."""
        if trial.id not in self._runs:
            own = f"tags.study = '{self._identity}' and tags.trial = '{trial.id}'"
            (*earlier,) = self._client.search_runs([self._experiment], own, max_results=1)
            if earlier:
                run: Any = earlier[0]
                self._client.update_run(run.info.run_id, "RUNNING")
                self._runs[trial.id] = run.info.run_id, int(run.data.metrics.get(_STEP, -1))
            else:
                self._runs[trial.id] = self._created(trial), -1
        return self._runs[trial.id]

    def _created(self, trial: TrialRecord) -> str:
        from mlflow.entities import Param

        tags = {"phase": trial.phase, "branch": trial.branch, "arm": trial.arm, **trial.cell}
        # Last: by these it is found again.
        tags |= {"study": self._identity, "trial": trial.id}
        run = self._client.create_run(
            self._experiment, tags={k: v for k, v in tags.items() if v is not None}, run_name=trial.id
        )
        options = parameters(trial).items()
        self._client.log_batch(run.info.run_id, params=[Param(name, v[:_LONGEST_VALUE]) for name, v in options])
        return str(run.info.run_id)


MLFLOW = ListenerKind("mlflow", "mlflow", "runs on the server of MLFLOW_TRACKING_URI", MLflow)
