"""Event files for TensorBoard, a run per trial: `tensorboard --logdir STUDY/tensorboard`."""

import time
from pathlib import Path
from typing import Any

from study.listeners.kind import ListenerKind
from study.listeners.listener import curves, plain
from trainables.records import Outcome, Report, TrialRecord


class TensorBoard:
    """Writes into a folder per trial. A trial that goes on another time adds a file to its folder."""

    def __init__(self, study: str, identity: str, folder: Path) -> None:
        """Files go into `folder/tensorboard`, which is the study's own; they need no name of it."""
        self._folder = folder / "tensorboard"
        self._writers: dict[str, Any] = {}

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Adds a point to every curve of the trial."""
        writer = self._writer(trial)
        for name, value in curves(report).items():
            writer.add_scalar(name, value, report.step)
        writer.flush()

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Adds how the trial ended, and its last metrics, and closes its file."""
        writer = self._writer(trial)
        writer.add_text("status", outcome.status, outcome.steps)
        for name, value in plain(outcome.metrics).items():
            writer.add_scalar(name, value, outcome.steps)
        writer.close()
        del self._writers[trial.id]

    def close(self) -> None:
        """Closes the files of trials that have not ended."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, trial: TrialRecord) -> Any:
        if trial.id not in self._writers:
            # Imported late: it is not needed unless asked for.
            from tensorboardX import SummaryWriter

            self._writers[trial.id] = SummaryWriter(
                str(self._folder / trial.id),
                # Files are named after the second: one that begins in the same as another must not replace it.
                filename_suffix=f".{time.time_ns()}",
            )
        return self._writers[trial.id]


TENSORBOARD = ListenerKind("tensorboard", "tensorboardX", "event files in the study's folder", TensorBoard)
