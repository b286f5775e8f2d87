"""One trial as a Ray Tune trainable: a Ray Train TorchTrainer whose workers run the training loop.

One worker trains in Train's local mode, in the trial's own (reused) process; more workers are a real worker group.
Either way the training writes its own records, and the trial forwards them to Tune. So a killed worker, trial or
driver loses nothing: whoever starts the trial again goes on from its last checkpoint.
"""

import errno
import logging
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
import torch
from ray import train, tune
from ray.train.torch import TorchTrainer

from trainables.clock import Clock
from trainables.encoders.model import Encoder, build_encoder, save_encoder
from trainables.evaluation.encode import encode
from trainables.evaluation.evaluate import Evaluation, evaluate
from trainables.evaluation.metric_name import named_dev
from trainables.inputs import TokenisedBenchmark, TrialInputs
from trainables.memory import forget_peak, peak_gib
from trainables.parallel.replicated import Worker
from trainables.ratio.feedback import Bias
from trainables.ratio.signals import DevSignals
from trainables.spec import TrialSpec, failure
from trainables.storage import Folder
from trainables.training.fine_tune import TrainingSummary, fine_tune
from trainables.training.gradient import Tokens
from trainables.training.report_log import ReportLog, new_reports

CHECKPOINT = "checkpoint"
DISK_FULL = "disk full"
"""The status that a trial tells Tune, and nobody else, if it could not write: it has not ended."""

_POLL_SHARE = 0.02
_POLL_SECONDS = (0.1, 5.0)
"""Reports are looked for after this share of a trial's time so far, within these bounds: storage may be far away."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialResources:
    """What every trial of a study holds."""

    workers: int
    cpus_per_worker: float
    gpus_per_worker: float
    max_failures: int
    """How often the worker group of a trial is started again after a worker died."""
    keep_encoders: bool = False

    @property
    def threads(self) -> int:
        """Threads of a worker."""
        return max(1, int(self.cpus_per_worker))


@dataclass(frozen=True)
class _Shared:
    """Reference to the inputs in Ray's object store: every process reads the same copy."""

    inputs: "ray.ObjectRef[TrialInputs]"
    resources: TrialResources


def trial_trainable(inputs: TrialInputs, resources: TrialResources) -> Callable[..., Any]:
    """Returns the trainable for `tune.Tuner`; its config holds `spec` (TrialSpec as JSON) and `folder`."""
    shared = _Shared(ray.put(inputs), resources)
    if resources.workers == 1:
        held = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    else:
        # The worker group asks for its own cores; a trial that held them too would wait for itself.
        # Tune refuses a trial that holds nothing at all, hence the byte.
        held = {"memory": 1.0}
    bundles = tune.PlacementGroupFactory([{name: amount for name, amount in held.items() if amount}])
    trainable: Callable[..., Any] = tune.with_resources(tune.with_parameters(_run_trial, shared=shared), bundles)
    return trainable


def _run_trial(config: Mapping[str, Any], shared: _Shared) -> None:
    """Runs one trial and forwards its reports to Tune until it has ended."""
    spec = TrialSpec.model_validate_json(config["spec"])
    folder = Folder(config["folder"])
    forwarded = 0
    if not folder.exists("result.json"):
        with ThreadPoolExecutor(1) as pool:
            training = pool.submit(_train, spec, folder, shared)
            began = time.monotonic()
            while not training.done():
                least, most = _POLL_SECONDS
                wait([training], timeout=min(most, max(least, _POLL_SHARE * (time.monotonic() - began))))
                forwarded += _forward(folder, forwarded)
            full = _record_failure(training, folder)
            if full is not None:
                _report_full_disk(full, folder, spec)
                return
    _forward(folder, forwarded)
    _report_end(folder, spec)


def _train(spec: TrialSpec, folder: Folder, shared: _Shared) -> None:
    resources = shared.resources
    # Train's own folder is never used: checkpoints and reports have their place in the study.
    with TemporaryDirectory() as temporary:
        TorchTrainer(
            _work,
            train_loop_config={"spec": spec.model_dump_json(), "folder": folder.location, "shared": shared},
            scaling_config=train.ScalingConfig(
                num_workers=0 if resources.workers == 1 else resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker={"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker},
            ),
            run_config=train.RunConfig(
                name=spec.id,
                storage_path=temporary,
                failure_config=train.FailureConfig(max_failures=resources.max_failures),
            ),
        ).fit()


def _work(config: Mapping[str, Any]) -> None:
    """What every worker does: train together; then the first one evaluates and writes the result."""
    started = _now()
    forget_peak()
    spec = TrialSpec.model_validate_json(config["spec"])
    folder = Folder(config["folder"])
    shared: _Shared = config["shared"]
    worker = _this_worker(shared.resources)
    device = worker.device
    clock = Clock(device)
    if worker.rank == 0:
        folder.sweep()
    torch.set_num_threads(shared.resources.threads)
    inputs: TrialInputs = ray.get(shared.inputs)
    encoder = build_encoder(inputs.encoder, inputs.tokenizer, spec.training.seed).to(device)

    def dev_metrics(module: Encoder) -> dict[str, float]:
        return _evaluate(module, inputs.dev, inputs, clock, device, keep_per_query=False).headlines

    ratio = spec.training.ratio
    bias = ratio.metric if isinstance(ratio, Bias) else "rank_distance"
    signals = DevSignals(inputs.dev, inputs.tokenizer.pad_token_id, device, spec.training.temperature, bias)
    summary = fine_tune(
        spec.training,
        inputs.data,
        Tokens(inputs.queries, inputs.passages, inputs.tokenizer.pad_token_id),
        encoder,
        worker=worker,
        sink=ReportLog(folder, spec.rungs) if worker.rank == 0 else _Silent(),
        evaluate=dev_metrics,
        dev_signals=signals.measure,
        dev_signal_pairs=signals.pairs,
        clock=clock,
        checkpoints=folder / CHECKPOINT,
    )
    if worker.rank > 0:
        return
    metrics = named_dev(summary.dev)
    if spec.phase == "confirm" and summary.status == "complete":
        evaluations = [_evaluate(encoder, test, inputs, clock, device, keep_per_query=True) for test in inputs.tests]
        for evaluation in evaluations:
            metrics.update(evaluation.metrics)
        _write_table(folder, "per_query.parquet", [e.per_query for e in evaluations])
        _write_table(folder, "relevant_ranks.parquet", [e.relevant_ranks for e in evaluations])
        if shared.resources.keep_encoders:
            with (folder / "encoder").uploaded() as path:
                save_encoder(encoder, inputs.tokenizer, path)
    cost = {
        "pairs": summary.pairs,
        "tokens": summary.tokens,
        "signal_pairs": summary.signal_pairs,
        **{f"{work}_seconds": clock.seconds.get(work, 0.0) for work in ("train", "signal", "encode", "score", "wait")},
        "total_seconds": clock.total,
        "cpu_seconds": clock.cpu,
        "peak_memory_gib": peak_gib(),
        "workers": worker.world,
        "gpus": worker.world * shared.resources.gpus_per_worker,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }
    folder.write_json("result.json", _result(summary, metrics, cost, started, spec.training.ratio.closed_loop))
    # A finished trial is never resumed; its optimiser state would fill the disk.
    (folder / CHECKPOINT).delete()


def _this_worker(resources: TrialResources) -> Worker:
    """This process among the trial's workers. Ray Train has set up their process group; one worker has none."""
    if resources.workers == 1:
        return Worker(device=torch.device("cuda" if resources.gpus_per_worker else "cpu"))
    device = train.torch.get_device() if resources.gpus_per_worker else torch.device("cpu")
    return Worker(torch.distributed.get_rank(), torch.distributed.get_world_size(), device)


def _evaluate(
    encoder: Encoder,
    tokenised: TokenisedBenchmark,
    inputs: TrialInputs,
    clock: Clock,
    device: torch.device,
    keep_per_query: bool,
) -> Evaluation:
    pad_id = inputs.tokenizer.pad_token_id
    with clock.measure("encode"):
        queries = encode(encoder, tokenised.queries, pad_id=pad_id, device=device)
        candidates = encode(encoder, tokenised.candidates, pad_id=pad_id, device=device)
    with clock.measure("score"):
        return evaluate(
            tokenised.benchmark, queries, candidates, measures=inputs.measures, keep_per_query=keep_per_query
        )


def _result(
    summary: TrainingSummary, metrics: Mapping[str, float], cost: Mapping[str, Any], started: str, closed_loop: bool
) -> dict[str, Any]:
    return {
        "status": summary.status,
        "steps": summary.steps,
        "metrics": dict(metrics),
        "mean_ratio": summary.mean_ratio,
        "mono_share": summary.mono_share,
        "negatives_per_query": summary.negatives_per_query,
        "parameters": summary.parameters,
        "cost": dict(cost),
        "started": started,
        "ended": _now(),
        "host": socket.gethostname(),
        "error": None,
        # An open-loop schedule says it all in trial.json; what a controller decided is known only afterwards.
        **({"ratios": list(summary.ratios)} if closed_loop else {}),
    }


def _write_table(folder: Folder, name: str, tables: list[pa.Table | None]) -> None:
    present = [table for table in tables if table is not None]
    if present:
        content = BytesIO()
        # Benchmarks may have different measures: what one lacks is null.
        pq.write_table(pa.concat_tables(present, promote_options="default"), content, compression="zstd")
        folder.write_bytes(name, content.getvalue())


class _Silent:
    """The sink of all workers but the first."""

    def report(self, report: Mapping[str, Any]) -> bool:
        return False


def _forward(folder: Folder, seen: int) -> int:
    """Reports to Tune what the training has written since; returns how many reports that were."""
    reports = new_reports(folder, seen)
    for report in reports:
        tune.report(_for_tune(report))
    return len(reports)


def _for_tune(report: Mapping[str, Any]) -> dict[str, Any]:
    """What Tune and the terminal see of a report. Time is the optimiser step, which no restart sets back."""
    names = ("step", "steps", "ratio", "mono_share", "loss", "learning_rate", "pairs_per_second")
    dev = named_dev(report.get("dev") or {})
    return {**{name: report[name] for name in names}, **dev}


def _report_end(folder: Folder, spec: TrialSpec) -> None:
    """Tells Tune the trial's last word with a checkpoint that points to the records."""
    result = folder.read_json("result.json")
    with TemporaryDirectory() as temporary:
        (Path(temporary) / "records.txt").write_text(folder.location)
        tune.report(
            {"step": result["steps"], "status": result["status"], "trial": spec.id, **result["metrics"]},
            checkpoint=tune.Checkpoint.from_directory(temporary),
        )


def _report_full_disk(full: OSError, folder: Folder, spec: TrialSpec) -> None:
    """Tells Tune why the trial has no result: nothing else is sure to reach the driver when nothing can be written."""
    code, where = full.errno, full.filename or folder.location
    tune.report({"step": 0, "status": DISK_FULL, "trial": spec.id, "errno": code, "where": str(where)})


def _record_failure(training: "Future[None]", folder: Folder) -> OSError | None:
    """Writes the result of a training that raised; Tune restarts only trials whose process died.

    Returns the error if a full disk was the cause: not the trial's fault, it is run again when the study is resumed.
    """
    error = training.exception()
    if error is None:
        return None
    _logger.exception("the training in %s failed", folder.location, exc_info=error)
    if folder.exists("result.json"):
        return None
    if isinstance(error, ray.exceptions.RayActorError):
        # The controller of the worker group died: Tune starts the trial again, and it goes on from its checkpoint.
        raise error
    full = _full_disk(error)
    if full is None:
        result = {**failure(_sentence(error)), "ended": _now(), "host": socket.gethostname()}
        try:
            folder.write_json("result.json", result)
        except OSError as unwritten:
            full = _full_disk(unwritten)
            if full is None:
                raise
    return full


def _full_disk(error: BaseException) -> OSError | None:
    """The full disk among the causes of an error, if there is one."""
    causes = [error, *getattr(error, "worker_failures", {}).values()]
    full = (e for e in causes if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
    return next(full, None)


def _sentence(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" + (f" ... {lines[-1]}" if len(lines) > 1 else "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
