"""A trial through Ray Tune and Ray Train: one worker in the trial's process, two in a real worker group."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
import ray
from ray import tune
from trainables.encoders.config import PRESETS
from trainables.spec import Rung, TrialSpec

from trainables.config import TrainingConfig
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark, load_training
from trainables.inputs import TrialInputs, prepare_inputs
from trainables.ratio.config import RatioConfig
from trainables.ratio.controllers.gap import Gap
from trainables.ratio.controls.replay import Replay
from trainables.ratio.schedules.constant import Constant
from trainables.ratio.schedules.linear import Linear
from trainables.storage import Folder
from trainables.training.report_log import new_reports
from trainables.trial import TrialResources, trial_trainable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    ray.init(num_cpus=2, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def inputs(_cluster: None) -> TrialInputs:
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:200]})
    return prepare_inputs(PRESETS["mini-xs"], data, load_benchmark(EMBEDDED, "dev"), ())


def spec_of(ratio: RatioConfig, rungs: tuple[Rung, ...] = (), **training: Any) -> TrialSpec:
    knobs = {"steps": 8, "batch_size": 16, "learning_rate": 1e-3, "report_every": 2, "evaluate_every": 4, **training}
    config = TrainingConfig(ratio=ratio, seed=1, checkpoint_every=2, **knobs)
    return TrialSpec(
        id="t", phase="search", family="f", number=0, seed=1, model="mini-xs", training=config, rungs=rungs
    )


def run(inputs: TrialInputs, folder: Path, spec: TrialSpec, workers: int = 1, max_failures: int = 0) -> dict[str, Any]:
    """Runs a trial through Tune as a study does; returns its result and what Tune knows of it."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    results = tune.Tuner(
        trial_trainable(inputs, TrialResources(workers, 1, 0, max_failures)),
        param_space={"spec": spec.model_dump_json(), "folder": str(folder / "trial")},
        run_config=tune.RunConfig(name="ray", storage_path=str(folder), verbose=0),
    ).fit()
    result: dict[str, Any] = Folder(folder / "trial").read_json("result.json")
    return {**result, "tune": results[0]}


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in ("status", "steps", "metrics", "mean_ratio", "mono_share")}


def test_tune_knows_metrics_and_checkpoint(inputs: TrialInputs, tmp_path: Path) -> None:
    result = run(inputs, tmp_path, spec_of(Linear()))
    assert result["status"] == "complete"
    known = result["tune"]
    assert known.metrics["step"] == 8
    assert known.metrics["dev/multilingual/map"] == result["metrics"]["dev/multilingual/map"]
    with known.checkpoint.as_directory() as path:
        assert (Path(path) / "records.txt").read_text() == str(tmp_path / "trial")
    reports = new_reports(Folder(tmp_path / "trial"), 0)
    assert [report["step"] for report in reports] == [2, 4, 6, 8]
    assert [report["step"] for report in reports if report.get("dev")] == [4, 8]
    assert not (tmp_path / "trial" / "checkpoint").exists(), "a finished trial keeps no optimiser state"


def test_two_workers_train_like_one_and_survive_a_kill(inputs: TrialInputs, tmp_path: Path) -> None:
    spec = spec_of(Linear(), steps=40, report_every=2)
    alone = run(inputs, tmp_path / "one", spec)

    def kill_a_worker() -> None:
        while not new_reports(Folder(tmp_path / "two" / "trial"), 4):
            time.sleep(0.02)
        killed.append(_processes("RayTrainWorker")[0])
        os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    killer = Thread(target=kill_a_worker, daemon=True)
    killer.start()
    together = run(inputs, tmp_path / "two", spec, workers=2, max_failures=1)
    assert killed
    assert together["cost"]["workers"] == 2
    assert (together["status"], together["steps"]) == ("complete", 40)
    cost = together["cost"]
    kinds = ("train", "signal", "encode", "score", "wait")
    assert cost["total_seconds"] >= sum(cost[f"{kind}_seconds"] for kind in kinds), "a life of the trial is missing"
    assert 0 < cost["peak_memory_gib"] < 16
    for name, value in together["metrics"].items():
        if name.endswith("/map"):
            assert value == pytest.approx(alone["metrics"][name], abs=5e-3), name
    losses = [[r["loss"] for r in new_reports(Folder(tmp_path / n / "trial"), 0)] for n in ("one", "two")]
    assert losses[1][:5] == pytest.approx(losses[0][:5], abs=1e-5)
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU") != 2:
        assert time.monotonic() < deadline, "the worker group still holds its cores"
        time.sleep(0.2)


def test_a_trial_that_misses_its_rung_leaves_by_itself(inputs: TrialInputs, tmp_path: Path) -> None:
    rungs = (Rung(step=4, metric="multilingual/map", minimum=2.0),)
    result = run(inputs, tmp_path, spec_of(Constant(value=0.5), rungs))
    assert (result["status"], result["steps"]) == ("pruned", 4)
    assert "dev/multilingual/map" in result["metrics"]


def test_trials_of_two_workers_that_stop_again_and_again_leave_the_machine_free(
    inputs: TrialInputs, tmp_path: Path
) -> None:
    """Every trial needs both cores: if Tune's scheduler stopped one, its workers would stay and the next one hang."""
    stop = (Rung(step=4, metric="multilingual/map", minimum=2.0),)
    specs = [
        spec_of(Constant(value=value / 2), rungs).model_copy(update={"id": f"t{value}"})
        for value, rungs in enumerate((stop, stop))
    ]
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    tune.Tuner(
        trial_trainable(inputs, TrialResources(2, 1, 0, 0)),
        param_space={
            "spec": tune.grid_search([spec.model_dump_json() for spec in specs]),
            "folder": tune.sample_from(lambda config: str(tmp_path / TrialSpec.model_validate_json(config["spec"]).id)),
        },
        run_config=tune.RunConfig(name="ray", storage_path=str(tmp_path / "tune"), verbose=0),
    ).fit()
    found = [Folder(tmp_path / spec.id).read_json("result.json") for spec in specs]
    ends = [(result["status"], result["steps"]) for result in found]
    assert ends == [("pruned", 4), ("pruned", 4)]
    assert {result["cost"]["workers"] for result in found} == {2}
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU") != 2 or _processes("RayTrainWorker", "TrainController"):
        assert time.monotonic() < deadline, "a trial left something running"
        time.sleep(0.2)


def _processes(*titles: str) -> list[int]:
    """The processes of Ray actors with such a title."""
    running = [(p.pid, " ".join(p.info["cmdline"] or [])) for p in psutil.process_iter(["cmdline"])]
    return [pid for pid, command in running if command.startswith("ray::") and any(t in command for t in titles)]


def test_a_closed_loop_run_replays_as_an_open_one(inputs: TrialInputs, tmp_path: Path) -> None:
    closed = run(inputs, tmp_path / "closed", spec_of(Gap()))
    assert closed["cost"]["signal_pairs"] > 0
    assert len(set(closed["ratios"])) > 1, "the controller decided nothing"
    replayed = run(inputs, tmp_path / "open", spec_of(Replay(ratios=tuple(closed["ratios"]))))
    assert numbers(replayed) == numbers(closed)


def test_an_error_in_the_training_is_recorded_and_not_tried_again(inputs: TrialInputs, tmp_path: Path) -> None:
    result = run(inputs, tmp_path, spec_of(Replay(ratios=(0.5, 0.5))))
    assert result["status"] == "failed"
    assert "UserError: A replay of 2 ratios cannot drive 8 steps" in result["error"]
