"""A trial through Ray Tune and Ray Train: one worker in the trial's process, two in a real worker group."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

import pytest
import ray
from ray import tune
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.train import WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError

from study.cluster.cells import CellResources
from study.cluster.full_memory import MemoryRanOutError, SparingTrials, memory_told
from study.cluster.resources import Resources
from study.cluster.trainable import TrialResources, _may_pass, _record_failure, trial_trainable
from tests.study.cluster import little_memory
from tests.study.cluster.actors import GROUP, processes, wait_until
from tests.trainables.toy_trial import numbers, run_toy_trial, toy_inputs, toy_trial
from trainables.claim import TakenOverError, take
from trainables.errors import UserError
from trainables.inputs import StudyInputs
from trainables.ratio.controls.replay import Replay
from trainables.ratio.schedules.constant import Constant
from trainables.records import RESULT, Result, Rung, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.report_log import new_reports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def inputs() -> Iterator[StudyInputs]:
    """The inputs of all trials; Ray runs as long as they are needed."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
    ray.init("local", num_cpus=2, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
    yield toy_inputs()
    ray.shutdown()


def each(workers: int) -> CellResources:
    """What trials without levels hold."""
    return CellResources({"": Resources(workers, 1, 0, 1)})


def run(
    inputs: StudyInputs,
    folder: Path,
    trial: TrialRecord,
    workers: int = 1,
    max_failures: int = 0,
    keep_encoders: bool = False,
    plugins: tuple[str, ...] = (),
) -> tuple[Result, tune.Result]:
    """Runs a trial through Tune as a study does; returns its result and what Tune knows of it."""
    results = tune.Tuner(
        trial_trainable(inputs, TrialResources(each(workers), max_failures, keep_encoders, plugins=plugins)),
        param_space={"trial": trial.model_dump_json(), "folder": str(folder / "trial")},
        run_config=tune.RunConfig(name="ray", storage_path=str(folder), verbose=0),
    ).fit()
    return read_sealed(Folder(folder / "trial"), RESULT, Result), results[0]


def test_tune_knows_metrics_and_checkpoint(inputs: StudyInputs, tmp_path: Path) -> None:
    result, known = run(inputs, tmp_path, toy_trial())
    assert result.status == "complete"
    assert known.metrics["step"] == 8
    assert known.metrics["dev/multilingual/map"] == result.metrics["dev/multilingual/map"]
    with known.checkpoint.as_directory() as path:
        assert (Path(path) / "records.txt").read_text() == str(tmp_path / "trial")
    reports = new_reports(Folder(tmp_path / "trial"), 0)
    assert [report.step for report in reports] == [2, 4, 6, 8]
    assert [report.step for report in reports if report.dev] == [4, 8]
    assert not (tmp_path / "trial" / "checkpoint").exists(), "a finished trial keeps no optimiser state"


def test_a_trial_has_the_same_numbers_with_ray_and_without(inputs: StudyInputs, tmp_path: Path) -> None:
    result, _ = run(inputs, tmp_path / "ray", toy_trial(phase="confirm"))
    alone = run_toy_trial(toy_trial(phase="confirm"), tmp_path / "alone")
    assert numbers(result) == numbers(alone)


def kill_a_worker_of(trial: Path) -> list[int]:
    """Kills one once there are more than four reports; returns a list that will hold its process id."""
    killed: list[int] = []

    def kill() -> None:
        while not new_reports(Folder(trial), 4):
            time.sleep(0.02)
        killed.append(processes("RayTrainWorker")[0])
        os.kill(killed[0], signal.SIGKILL)

    Thread(target=kill, daemon=True).start()
    return killed


def test_two_workers_train_like_one_and_survive_a_kill(inputs: StudyInputs, tmp_path: Path) -> None:
    often = {"monitoring.reports": 20, "monitoring.evaluations": 10, "monitoring.checkpoints": 20}
    trial = toy_trial(steps=40, **often)
    alone, _ = run(inputs, tmp_path / "one", trial)

    killed = kill_a_worker_of(tmp_path / "two" / "trial")
    together, _ = run(inputs, tmp_path / "two", trial, workers=2, max_failures=1)
    assert killed
    assert (together.status, together.steps) == ("complete", 40)
    assert {"log.jsonl", "log-1.jsonl"} <= set(Folder(tmp_path / "two" / "trial").file_names())
    cost = together.cost
    assert cost.workers == 2
    kinds = (cost.train_seconds, cost.signal_seconds, cost.encode_seconds, cost.score_seconds, cost.wait_seconds)
    assert cost.total_seconds >= sum(kinds), "a life of the trial is missing"
    assert 0 < cost.peak_memory_gib < 16
    for name, value in together.metrics.items():
        if name.endswith("/map"):
            assert value == pytest.approx(alone.metrics[name], abs=5e-3), name
    losses = [[report.loss for report in new_reports(Folder(tmp_path / n / "trial"), 0)] for n in ("one", "two")]
    assert losses[1][:5] == pytest.approx(losses[0][:5], abs=1e-5)
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU") != 2:
        assert time.monotonic() < deadline, "the worker group still holds its cores"
        time.sleep(0.2)


@pytest.mark.nightly
def test_a_sharded_trial_has_the_same_numbers_after_a_worker_was_killed(inputs: StudyInputs, tmp_path: Path) -> None:
    sharded = {"compute.parallel": "sharded", "compute.precision": "float32"}
    often = {"monitoring.reports": 20, "monitoring.checkpoints": 20}
    trial = toy_trial(phase="confirm", steps=40, **often, **sharded)
    killed = kill_a_worker_of(tmp_path / "killed" / "trial")
    whole, _ = run(inputs, tmp_path / "whole", trial, workers=2, keep_encoders=True)
    resumed, _ = run(inputs, tmp_path / "killed", trial, workers=2, max_failures=1, keep_encoders=True)
    assert killed
    assert (resumed.status, resumed.steps) == ("complete", 40)
    assert numbers(resumed) == numbers(whole)
    kept = {name: checksum for name, checksum in whole.files.items() if name.startswith("encoder/")}
    assert "encoder/model.safetensors" in kept
    assert kept.items() <= resumed.files.items()
    alone = run_toy_trial(toy_trial(phase="confirm", steps=40, **often), tmp_path / "alone")
    for name, value in whole.metrics.items():
        if name.endswith("/map"):
            assert value == pytest.approx(alone.metrics[name], abs=5e-3), name


def test_a_sharded_trial_that_lacks_memory_is_begun_again_in_chunks_that_fit(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    """A worker with sharded weights cannot try again: the other one waits for its layers."""
    options = {"compute.parallel": "sharded", "compute.precision": "float32", "compute.rectangles": 1}
    chunked = toy_trial(**options, **{"compute.gradient_accumulation": 4})
    ample, _ = run(inputs, tmp_path / "ample", chunked, workers=2)
    short, _ = run(inputs, tmp_path / "short", toy_trial(**options), workers=2, plugins=(little_memory.__name__,))
    assert ample.rechunked == {}
    assert short.rechunked == {0: 4}
    assert numbers(short) == numbers(ample)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("stops", "reused"), [(50, True), (5, False)])
def test_trials_of_two_workers_that_stop_again_and_again_leave_the_machine_free(
    stops: int, reused: bool, inputs: StudyInputs, tmp_path: Path
) -> None:
    """Every trial needs both cores: if Tune's scheduler stopped one, its workers would stay and the next one hang."""
    stop = (Rung(step=4, metric="multilingual/map", minimum=2.0),)
    trials = [
        toy_trial(Constant(value=value / stops), stop).model_copy(update={"id": f"t{value}"}) for value in range(stops)
    ]
    tune.Tuner(
        trial_trainable(inputs, TrialResources(each(2), 0)),
        param_space={
            "trial": tune.grid_search([trial.model_dump_json() for trial in trials]),
            "folder": tune.sample_from(
                lambda config: str(tmp_path / TrialRecord.model_validate_json(config["trial"]).id)
            ),
        },
        # As a study does: Tune sees that a trial of several workers holds nothing itself, and would start all of them.
        tune_config=tune.TuneConfig(max_concurrent_trials=1, reuse_actors=reused),
        run_config=tune.RunConfig(name="ray", storage_path=str(tmp_path / "tune"), verbose=0),
    ).fit()
    found = [read_sealed(Folder(tmp_path / trial.id), RESULT, Result) for trial in trials]
    assert [(result.status, result.steps) for result in found] == [("pruned", 4)] * stops
    assert {result.cost.workers for result in found} == {2}
    wait_until(
        lambda: ray.available_resources().get("CPU") == 2 and not processes(*GROUP), "a trial left something running"
    )


def test_a_worker_that_ray_ended_for_memory_is_no_failed_trial(inputs: StudyInputs, tmp_path: Path) -> None:
    """Tune hears what Ray has said, however long it is and whatever the other workers said."""
    said = "1 worker(s) were killed due to the node running low on memory. Memory on the node was 60/62 GB"

    def train(config: dict[str, str]) -> None:
        died = WorkerHealthCheckFailedError("A worker health check failed.\n" + "x" * 2000, OutOfMemoryError(said))
        training: Future[None] = Future()
        training.set_exception(WorkerGroupError("cut off", {0: RuntimeError("Connection closed by peer"), 1: died}))
        _record_failure(training, take(Folder(config["folder"])))

    tuner = tune.Tuner(
        train,
        param_space={"folder": str(tmp_path / "trial")},
        tune_config=tune.TuneConfig(scheduler=SparingTrials()),
        run_config=tune.RunConfig(name="ray", storage_path=str(tmp_path), verbose=0),
    )
    with pytest.raises(MemoryRanOutError) as caught, memory_told():
        tuner.fit()
    assert str(caught.value) == said
    assert not Folder(tmp_path / "trial").exists(RESULT)


REACHED_NOBODY = RuntimeError("Connection closed by peer")
DIED = WorkerHealthCheckFailedError("A worker health check failed.", RayActorError("killed"))
ENDED_FOR_MEMORY = WorkerHealthCheckFailedError("", OutOfMemoryError("due to the node running low on memory"))


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([REACHED_NOBODY, DIED], True),
        ([REACHED_NOBODY], True),
        ([DIED, DIED], True),
        ([REACHED_NOBODY, ValueError("no such ratio")], False),
        ([REACHED_NOBODY, UserError("mend it")], False),
        ([TakenOverError("somebody else's"), REACHED_NOBODY], False),
        ([REACHED_NOBODY, ENDED_FOR_MEMORY], False),
        ([OSError(errno.ENOSPC, "full"), REACHED_NOBODY], False),
    ],
)
def test_new_workers_try_again_where_it_can_help(errors: list[Exception], expected: bool, tmp_path: Path) -> None:
    error = WorkerGroupError("cut off", dict(enumerate(errors)))
    assert _may_pass(Folder(tmp_path), error) is expected


def test_an_error_in_the_training_is_recorded_and_not_tried_again(inputs: StudyInputs, tmp_path: Path) -> None:
    result, _ = run(inputs, tmp_path, toy_trial(Replay(ratios=(0.5, 0.5))))
    assert result.status == "failed"
    assert "UserError: A replay of 2 ratios cannot drive 8 steps" in str(result.error)
