"""A trial as a Ray Tune trainable: a Ray Train TorchTrainer whose workers run `trainables.trial`.

One worker trains in Train's local mode, in the trial's own process; more workers are a real worker group. Process and
group are used again for the next trial. The training writes its own records, and the trial forwards them to Tune. So a
killed worker, trial or driver loses nothing: whoever starts the trial again goes on from its last checkpoint.
"""

import errno
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
import torch
from ray import train, tune

from study.cluster.cells import CellResources
from study.cluster.full_memory import is_of_memory
from study.cluster.resources import Resources
from study.cluster.worker_group import run_alone, run_together, send_home, worker_errors
from trainables.claim import Claim, TakenOverError, take
from trainables.corpora.pairs import TrainingData
from trainables.inputs import EvaluationRules, StudyInputs, TokenisedTexts, TrialInputs
from trainables.noted_work import note
from trainables.parallel.worker import Worker
from trainables.plugins import load_plugins
from trainables.records import RESULT, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.out_of_memory import TooLargeStepError
from trainables.training.report_log import new_reports
from trainables.trial import TrialOptions, failure, run_trial, write_result

DISK_FULL = "disk full"
"""The status that a trial tells Tune, and nobody else, if it could not write: it has not ended."""

REPORT = "report"
"""What Tune calls a report of the training (`trainables.records.Report`)."""

_POLL_SHARE = 0.02
_POLL_SECONDS = (0.1, 5.0)
"""Reports are looked for after this share of a trial's time so far, within these bounds: storage may be far away."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialResources:
    """What the trials of a study hold, and what their processes are told."""

    cells: CellResources
    max_failures: int
    """How often a trial of several workers is begun again, by new ones, after one of them failed."""
    keep_encoders: bool = False
    hold: bool = False
    """Leave what the measure phase needs."""
    plugins: tuple[str, ...] = ()
    """Modules that every process imports before it reads a trial."""
    cache: Path | None = None
    """Folder on every machine for embeddings that are too many for memory."""
    study: str = ""
    """Name of the study, by which Ray's dashboard shows its trials."""

    def of(self, trial: TrialRecord) -> Resources:
        """What a trial holds."""
        return self.cells.of(trial.cell)

    def options(self, trial: TrialRecord) -> TrialOptions:
        """What a trial is told."""
        return TrialOptions(
            threads=self.of(trial).threads,
            gpus_per_worker=self.of(trial).gpus_per_worker,
            keep_encoder=self.keep_encoders,
            hold=self.hold,
            cache=self.cache,
        )


@dataclass(frozen=True)
class _Shared:
    """References to the inputs in Ray's object store, where every process reads the same copy."""

    data: "ray.ObjectRef[TrainingData]"
    texts: Mapping[str, "ray.ObjectRef[TokenisedTexts]"]
    """By `EncoderConfig.token_key`."""
    rules: EvaluationRules
    resources: TrialResources

    def inputs(self, key: str) -> TrialInputs:
        return TrialInputs(ray.get(self.data), ray.get(self.texts[key]), self.rules)


def trial_trainable(inputs: StudyInputs, resources: TrialResources) -> Callable[..., Any]:
    """Returns the trainable for `tune.Tuner`; its config holds `trial` (a TrialRecord as JSON) and `folder`."""
    texts = {key: ray.put(found) for key, found in inputs.by_token_key.items()}
    shared = _Shared(ray.put(inputs.data), texts, inputs.rules, resources)

    def held(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
        own = resources.cells.of(json.loads(config["trial"])["cell"])
        # The worker group asks for its own cores; a trial that held them too would wait for itself.
        # Tune refuses a trial that holds nothing at all, hence the byte.
        return tune.PlacementGroupFactory([own.of_worker if own.workers == 1 else {"memory": 1.0}])

    trainable: Callable[..., Any] = tune.with_resources(tune.with_parameters(_run, shared=shared), held)
    # What Tune's class for a function inherits from.
    trainable.__mixins__ = (_SendsWorkersHome,)  # type: ignore[attr-defined]
    return trainable


class _SendsWorkersHome:
    """A trainable whose process sends the workers that it kept for another trial home before it ends."""

    def cleanup(self) -> None:
        """Called by Tune when there is no other trial."""
        send_home()
        super().cleanup()  # type: ignore[misc]


def _run(config: Mapping[str, Any], shared: _Shared) -> None:
    """Runs one trial and forwards its reports to Tune until it has ended, or cannot go on for now."""
    load_plugins(shared.resources.plugins)
    trial = TrialRecord.model_validate_json(config["trial"])
    folder = Folder(config["folder"])
    _entitle(shared.resources.study, trial)
    try:
        _run_to_its_end(trial, folder, shared)
    except OSError as error:
        if (full := full_disk(error, folder)) is None:
            raise
        _report_full_disk(full, folder, trial)


def _run_to_its_end(trial: TrialRecord, folder: Folder, shared: _Shared) -> None:
    forwarded, told = 0, ""
    if not folder.exists(RESULT):
        # Once for all groups of workers that train it: a group of a process that was given up must not take the folder
        # back when its work is begun again.
        claim = take(folder)
        with ThreadPoolExecutor(1) as pool:
            training = pool.submit(_train, trial, claim, shared)
            began = time.monotonic()
            while not training.done():
                least, most = _POLL_SECONDS
                wait([training], timeout=min(most, max(least, _POLL_SHARE * (time.monotonic() - began))))
                # What cannot be read now is read next time.
                with suppress(OSError):
                    forwarded += _forward(folder, forwarded)
                if (doing := note(folder)) != told:
                    tune.report({"doing": doing})
                    told = doing
                _entitle(shared.resources.study, trial)
        _record_failure(training, claim)
    _forward(folder, forwarded)
    _report_end(folder, trial)


def _entitle(study: str, trial: TrialRecord) -> None:
    """Names this process, in the dashboard's list of processes and in ps, after what it runs; Ray has named it after a
    method, and does so again whenever Tune asks for the next report."""
    # No part of Ray's interface; without it the process keeps its name.
    with suppress(AttributeError, ImportError):
        importlib.import_module("ray._raylet").setproctitle(f"ray::{study}/{trial.id}")


def _train(trial: TrialRecord, claim: Claim, shared: _Shared) -> None:
    """Trains it; where memory runs out in a step that its workers cannot try again, anew with as many chunks as that
    step is to have."""
    chunks: int | None = 1
    while chunks is not None:
        chunks = _train_with(chunks, trial, claim, shared)


def _train_with(chunks: int, trial: TrialRecord, claim: Claim, shared: _Shared) -> int | None:
    """Trains a trial, in so many chunks at least; how many it takes where they were too few."""
    try:
        _train_once(chunks, trial, claim, shared)
    except Exception as error:
        more = max((one.chunks for one in _causes(error) if isinstance(one, TooLargeStepError)), default=None)
        if more is None:
            raise
        _logger.warning("memory ran out: %s is begun again, with batches in %d chunks", trial.id, more)
        return more
    return None


def _train_once(chunks: int, trial: TrialRecord, claim: Claim, shared: _Shared) -> None:
    resources = shared.resources
    held = resources.of(trial)
    # Without it the dashboard knows nothing of trainings.
    os.environ.setdefault("RAY_TRAIN_ENABLE_STATE_TRACKING", "1")
    work = partial(_work, trial.model_dump_json(), claim.folder.location, claim.mark, chunks, shared)
    if held.workers == 1:
        run_alone(work, held, f"{resources.study}-{trial.id}")
    else:
        name = f"{resources.study}-{held.workers}-workers"
        run_together(work, held, name, resources.max_failures, partial(_may_pass, claim.folder))


def _work(trial_json: str, location: str, holder: str, chunks: int, shared: _Shared) -> None:
    """What every worker does for a trial; `holder` is the mark of the process that holds the folder."""
    resources = shared.resources
    load_plugins(resources.plugins)
    trial = TrialRecord.model_validate_json(trial_json)
    inputs = shared.inputs(trial.config.encoder.token_key)
    options = replace(resources.options(trial), holder=holder, chunks=chunks)
    run_trial(trial, inputs, Folder(location), _this_worker(resources.of(trial)), options)


def _this_worker(held: Resources) -> Worker:
    """This process among the trial's workers. Ray Train has set up their process group; one worker has none."""
    if held.workers == 1:
        return Worker(device=torch.device("cuda" if held.gpus_per_worker else "cpu"))
    device = train.torch.get_device() if held.gpus_per_worker else torch.device("cpu")
    return Worker(torch.distributed.get_rank(), torch.distributed.get_world_size(), device)


def _forward(folder: Folder, seen: int) -> int:
    """Reports to Tune what the training has written since; returns how many reports that were."""
    reports = new_reports(folder, seen)
    for report in reports:
        # Time is the optimiser step, which no restart sets back.
        tune.report({"step": report.step, REPORT: report.model_dump(mode="json")})
    return len(reports)


def _report_end(folder: Folder, trial: TrialRecord) -> None:
    """Tells Tune the trial's last word with a checkpoint that points to the records."""
    result = read_sealed(folder, RESULT, Result)
    with TemporaryDirectory() as temporary:
        (Path(temporary) / "records.txt").write_text(folder.location)
        tune.report(
            {"step": result.steps, "status": result.status, "trial": trial.id, **result.metrics},
            checkpoint=tune.Checkpoint.from_directory(temporary),
        )


def _report_full_disk(full: OSError, folder: Folder, trial: TrialRecord) -> None:
    """Tells Tune why the trial has no result: nothing else is sure to reach the driver when nothing can be written."""
    # Libraries of remote storage give no number.
    code, where = full.errno or errno.ETIMEDOUT, full.filename or folder.location
    tune.report({"step": 0, "status": DISK_FULL, "trial": trial.id, "errno": code, "where": str(where)})


def _record_failure(training: "Future[None]", claim: Claim) -> None:
    """Writes the result of a training that raised; Tune restarts only trials whose process died.

    Raises the OSError of a full disk if that was the cause: not the trial's fault, it is run again when the study is
    resumed; TakenOverError if the trial is somebody else's by now; what Ray said if it ended a worker for memory.
    """
    folder, error = claim.folder, training.exception()
    if error is None:
        return
    _logger.exception("the training in %s failed", folder.location, exc_info=error)
    if folder.exists(RESULT):
        return
    if isinstance(error, ray.exceptions.RayActorError) or any(
        isinstance(one, TakenOverError) for one in _causes(error)
    ):
        # The controller of the worker group died: Tune starts the trial again, and it goes on from its checkpoint.
        # Or it was begun again already, by somebody who had given this process up: the folder is theirs.
        raise error
    for one in _causes(error):
        if is_of_memory(one):
            # The study pauses for it; the error of the whole group may be cut off before it says so.
            raise one
    if (full := full_disk(error, folder)) is not None:
        raise full
    claim.check()
    write_result(folder, failure(_sentence(error)))


def _may_pass(folder: Folder, error: BaseException) -> bool:
    """Whether new workers may have more luck than those that failed: where one died, or could not reach another one.

    Not where the study pauses for it, and not where a worker raised anything else: it would come again, or the folder
    is somebody else's by now.
    """
    causes = worker_errors(error)
    if full_disk(error, folder) is not None or any(map(is_of_memory, causes)):
        return False
    # What is of Ray tells of workers that died or do not answer.
    return all(isinstance(one, RuntimeError | OSError) or type(one).__module__.startswith("ray.") for one in causes)


def full_disk(error: BaseException, folder: Folder) -> OSError | None:
    """The full disk among the causes of an error, or the storage that did not answer, or that withholds a file of the
    trial, if there is one."""
    for one in _causes(error):
        if isinstance(one, OSError) and (
            one.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
            or folder.may_answer_again(one)
            or folder.withholds(one)
        ):
            return one
    return None


def _causes(error: BaseException) -> tuple[BaseException, ...]:
    """An error, and those of the workers that it stands for."""
    return error, *worker_errors(error)


def _sentence(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" + (f" ... {lines[-1]}" if len(lines) > 1 else "")
