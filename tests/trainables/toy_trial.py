"""Whole trials that take a second: the smallest encoder on some facts of the atlas."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from trainables.config import TrialConfig
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.encoders.registry import resolve_encoder
from trainables.inputs import StudyInputs, prepare_inputs
from trainables.options import patched
from trainables.parallel.worker import Worker
from trainables.ratio.family import Family
from trainables.ratio.schedules.linear import Linear
from trainables.records import RESULT, Result, Rung, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.trial import TrialOptions, run_trial

ENCODER = resolve_encoder("mini-xs")
LINEAR, USUAL = Linear(), TrialOptions()

_OPTIONS: Mapping[str, Any] = {
    "encoder": ENCODER,
    "steps": 8,
    "batches.size": 16,
    "optimiser.learning_rate": 1e-3,
    "monitoring.reports": 4,
    "monitoring.evaluations": 2,
    "monitoring.checkpoints": 4,
    "seed": 1,
}
"""Reports and checkpoints every 2 steps, evaluations every 4."""


@cache
def toy_inputs() -> StudyInputs:
    """200 items to train on, and the dev set; it is the benchmark as well."""
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:200]})
    dev = load_benchmark(EMBEDDED, "dev")
    return prepare_inputs([ENCODER], data, dev, [dev])


def toy_trial(
    ratio: Family = LINEAR,
    rungs: tuple[Rung, ...] = (),
    phase: Literal["search", "confirm"] = "search",
    **options: Any,
) -> TrialRecord:
    """A trial of 8 steps; options by dotted key."""
    config = TrialConfig.model_validate(patched({}, {**_OPTIONS, "ratio": ratio, **options}))
    return TrialRecord(id="t", phase=phase, config=config, rungs=rungs)


def numbers(result: Result) -> dict[str, Any]:
    """What equal trainings have in common."""
    return result.model_dump(include={"status", "steps", "metrics", "mean_ratio", "mono_share"})


def run_toy_trial(trial: TrialRecord, folder: Path, options: TrialOptions = USUAL) -> Result:
    """Runs a trial in this process; returns its result as it was written."""
    run_trial(trial, toy_inputs().of(trial.config.encoder), Folder(folder), Worker(), options)
    return read_sealed(Folder(folder), RESULT, Result)
