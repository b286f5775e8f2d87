"""Whether a trial, run again, comes to the same numbers, to the bit."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from study.records import TRIALS
from study.study_folder import Study, Trial
from trainables.errors import UserError, unknown_name
from trainables.inputs import StudyInputs
from trainables.parallel.worker import Worker
from trainables.records import REPORTS, RESULT, TRIAL, Result, TrialRecord
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER, TrialOptions, run_trial

_OF_A_RUN = {"cost", "started", "ended", "host", "files"}
"""What a result says of the run and not of the training."""

_COSTS = ("pairs", "tokens", "signal_pairs")

_OF_A_REPORT = {"pairs_per_second", "tokens_per_second", "seconds", "memory_gib"}


def run_again(
    study: Study,
    name: str,
    derived: Mapping[str, TrialRecord],
    inputs: StudyInputs,
    options: Callable[[TrialRecord], TrialOptions],
) -> list[str]:
    """Runs a trial of a study again, in this process and in a folder of its own, and compares.

    Args:
        study: its records stay as they are.
        name: of the trial.
        derived: the trials that the plan of the study derives from its records, by id.
        inputs: data and token ids of the study.
        options: threads of the trial's worker, as in the study.

    Returns:
        A sentence for every difference; none where all is the same.

    Raises:
        UserError: there is no such trial, the plan derives none like it, it has not come to an end, or several workers
            trained it.
    """
    trial = next((one for one in study.trials if one.id == name), None)
    if trial is None:
        raise unknown_name("trial", name, (one.id for one in study.trials))
    # One that only differs in how an encoder is judged is written by the trial that trains it.
    trained = next((one for one in study.trials if name in one.record.also), trial)
    for one in (trial, trained):
        if derived.get(one.id) != one.record:
            # Somebody else may have written it: what is run here is what the settings of the study ask for.
            raise UserError(
                f"--trial {name}: {one.folder.location} is not a trial that the plan of the study derives from its "
                "records; name one that --resume would run, too."
            )
    result = trained.result
    if result is None or trial.result is None or trial.status == "failed":
        raise UserError(f"--trial {name}: it has not come to an end ({trial.status}); name one that has.")
    cost = result.cost
    if cost.workers > 1:
        raise UserError(
            f"--trial {name}: {cost.workers} workers trained it, and their sums differ in the last bits from those of "
            "one; name a trial of one worker."
        )
    if cost.gpus and not torch.cuda.is_available():
        raise UserError(f"--trial {name}: it was trained on {cost.device}, and there is no GPU here; go to one.")
    kept = any(file.startswith(f"{ENCODER}/") for file in result.files)
    worker = Worker(device=torch.device("cuda" if cost.gpus else "cpu"))
    with TemporaryDirectory() as temporary:
        # What it reads and writes beside itself is there, too.
        trials = Folder(temporary)
        for source in trained.record.sources:
            with (study.folder / TRIALS / source).downloaded() as path:
                shutil.copytree(path, Path(temporary) / source, symlinks=True)
        write_sealed(trials / trained.id, TRIAL, trained.record)
        told = replace(options(trained.record), gpus_per_worker=cost.gpus, keep_encoder=kept)
        run_trial(trained.record, inputs.of(trained.config.encoder), trials / trained.id, worker, told)
        folder = trials / name
        return differences(trial, Trial(folder, trial.record, read_sealed(folder, RESULT, Result)))


def differences(trial: Trial, again: Trial) -> list[str]:
    """Returns a sentence for everything in which two runs of a trial differ; both have ended.

    Time, place and speed are no difference.
    """
    return [f"{what}: {before} was recorded, {now} came out" for what, before, now in _differences(trial, again)]


def _differences(trial: Trial, again: Trial) -> Iterator[tuple[str, Any, Any]]:
    yield from _unequal("", _numbers(trial), _numbers(again))
    reports = [
        {str(one.step): {k: v for k, v in one.model_dump().items() if k not in _OF_A_REPORT} for one in run.reports()}
        for run in (trial, again)
    ]
    yield from _unequal("step ", *reports)
    files = [{} if run.result is None else run.result.files for run in (trial, again)]
    tables = [{k: v for k, v in found.items() if k not in (TRIAL, REPORTS)} for found in files]
    yield from _unequal("sha256 of ", *tables)


def _numbers(trial: Trial) -> dict[str, Any]:
    if trial.result is None:
        return {}
    values = trial.result.model_dump(exclude=_OF_A_RUN)
    metrics = values.pop("metrics")
    return {**values, **{name: getattr(trial.result.cost, name) for name in _COSTS}, **metrics}


def _unequal(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted(before.keys() | now.keys()):
        one, other = before.get(name, "nothing"), now.get(name, "nothing")
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _unequal(f"{what}{name} ", one, other)
        else:
            yield f"{what}{name}", one, other
