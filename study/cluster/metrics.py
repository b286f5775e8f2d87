"""What a running study tells Prometheus, through Ray's metrics, and therewith Grafana (deploy/grafana.json).

Every number is told by the driver, when a report reaches it and every few seconds, so that a training step costs
nothing. Trials of one branch or arm that run at the same time share their series: the last report counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ray.util.metrics import Gauge

from trainables.batches.kinds import KINDS
from trainables.evaluation.metric_name import MetricName, named_dev
from trainables.records import Outcome, Report, TrialRecord

TAGS = ("study", "phase", "branch", "arm", "cell")
"""Of every number of a trial; branch is empty in the confirm phase, arm in the search, cell where nothing crosses."""

_GIB = 2**30


@dataclass(frozen=True)
class Declared:
    """A metric: what it says, and its tags."""

    description: str
    tags: tuple[str, ...] = TAGS


METRICS: Mapping[str, Declared] = {
    "study_trials": Declared(
        "Trials by state: planned, running, done, and of the done ones pruned and failed", ("study", "phase", "state")
    ),
    "study_progress": Declared("Share of its steps that a trial has done"),
    "study_ratio": Declared("Probability of a monolingual batch"),
    "study_mono_share": Declared("Share of monolingual pairs so far"),
    "study_loss": Declared("Training loss of all batches, or of those of a kind", (*TAGS, "kind")),
    "study_learning_rate": Declared("Learning rate"),
    "study_dev": Declared("Dev metric over all queries", (*TAGS, "metric")),
    "study_pairs_per_second": Declared("Training pairs per second; 0 once the trial has ended"),
    "study_tokens_per_second": Declared("Tokens per second; 0 once the trial has ended"),
    "study_memory_bytes": Declared("Largest resident memory of the first worker's process; 0 once the trial has ended"),
}
"""By name, as Ray is told; Prometheus knows each as `ray_` and its name."""


class StudyMetrics:
    """The metrics of a study; Ray must have been started. It listens to the trials as `study.listeners` do."""

    def __init__(self, study: str) -> None:
        self._study = study
        self._gauges = {name: Gauge(name, one.description, one.tags) for name, one in METRICS.items()}
        self._running: dict[str, tuple[TrialRecord, Report]] = {}
        """What the trials that run have said last."""

    def counted(self, phase: str, states: Mapping[str, int]) -> None:
        """Says how many trials of a phase are in each state."""
        for state, count in states.items():
            self._gauges["study_trials"].set(count, {"study": self._study, "phase": phase, "state": state})

    def repeat(self) -> None:
        """Says again where the running trials stand: Ray drops what was not said for twenty seconds."""
        for trial, report in self._running.values():
            self._show(trial, report)

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Says where a running trial stands; its dev metrics stay until there are new ones."""
        if report.dev is None and trial.id in self._running:
            report = report.model_copy(update={"dev": self._running[trial.id][1].dev})
        self._running[trial.id] = trial, report
        self._show(trial, report)

    def _show(self, trial: TrialRecord, report: Report) -> None:
        self._set(trial, "study_progress", report.step / max(1, report.steps))
        self._set(trial, "study_ratio", report.ratio)
        self._set(trial, "study_mono_share", report.mono_share)
        self._set(trial, "study_learning_rate", report.learning_rate)
        self._set(trial, "study_loss", report.loss, kind="all")
        for kind in KINDS:
            self._set(trial, "study_loss", getattr(report, f"loss_{kind}"), kind=kind)
        for name, value in named_dev(report.dev or {}).items():
            if MetricName.parse(name).is_headline:
                self._set(trial, "study_dev", value, metric=name)
        self._flow(trial, report.pairs_per_second, report.tokens_per_second, report.memory_gib)

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Says that nothing flows any more."""
        self._running.pop(trial.id, None)
        self._flow(trial, 0.0, 0.0, 0.0)

    def close(self) -> None:
        """Nothing to close: Ray forgets the metrics of a process that has ended."""

    def _flow(self, trial: TrialRecord, pairs: float, tokens: float, memory_gib: float | None) -> None:
        self._set(trial, "study_pairs_per_second", pairs)
        self._set(trial, "study_tokens_per_second", tokens)
        self._set(trial, "study_memory_bytes", None if memory_gib is None else memory_gib * _GIB)

    def _set(self, trial: TrialRecord, name: str, value: float | None, **more: str) -> None:
        if value is not None:
            cell = " ".join(trial.cell.values())
            place = {"phase": trial.phase, "branch": trial.branch or "", "arm": trial.arm or "", "cell": cell}
            self._gauges[name].set(value, {"study": self._study, **place, **more})
