"""A machine that is lost, and a head that is restarted: the study ends with the numbers of an undisturbed one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray.cluster_utils import Cluster

from study.guard import LOST
from study.run_again import differences
from study.study_folder import open_study
from tests.ray_nodes import ROOT, own_cluster
from tests.study.conftest import run, start
from trainables.records import LOG
from trainables.storage import Folder
from trainables.training.report_log import new_reports

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1500)]

SECONDS = 600

CHECKPOINT_STEPS, REPORT_STEPS = 4, 2

SMALL = (
    *("--space", "static_ratio", "--arms", "X-Y,hybrid 0.5", "--trials", "1", "--seeds", "1", "--model", "mini-xs"),
    *("--steps", "40", "--batch-size", "16", "--learning-rate", "0.001", "--quiet", "--keep-encoders", "none"),
    *("--set", "monitoring.reports=20", "--evaluations", "4", "--checkpoints", "10", "--name", "s"),
)
"""A checkpoint every 4 steps and a report every 2."""

TRIAL = "s/"
"""Titles of processes that run trials of the study begin so."""

Lose = Callable[[], None]
"""Ends one of the nodes that trials run on."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The undisturbed study with so many workers per trial."""

    @cache
    def study(workers: int) -> Path:
        storage = tmp_path_factory.mktemp("whole")
        done = run(*SMALL, "--storage", str(storage), "--workers-per-trial", str(workers), seconds=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return storage / "s"

    return study


@contextmanager
def started_by_ray() -> Iterator[tuple[str, Lose]]:
    """A head without cores and two nodes of one, each started by `ray start`."""
    with own_cluster() as nodes:
        nodes.add(cpus=0)
        worker = nodes.add(cpus=1)
        nodes.add(cpus=1)
        yield nodes.address, lambda: nodes.kill(worker)


@contextmanager
def simulated() -> Iterator[tuple[str, Lose]]:
    """The same in Ray's own simulation of a cluster."""
    cluster = Cluster()
    small: dict[str, Any] = {"object_store_memory": 100_000_000, "include_dashboard": False}
    try:
        cluster.add_node(num_cpus=0, **small)
        worker = cluster.add_node(num_cpus=1, **small)
        cluster.add_node(num_cpus=1, **small)
        yield cluster.address, lambda: cluster.remove_node(worker, allow_graceful=False)
    finally:
        cluster.shutdown()


@pytest.mark.parametrize("cluster", [simulated, started_by_ray])
def test_a_lost_node_costs_one_checkpoint_interval_and_no_number(
    cluster: Callable[[], Any], whole: Callable[[int], Path], tmp_path: Path
) -> None:
    study = tmp_path / "s"
    with cluster() as (address, lose):
        driver = start(*SMALL, "--storage", str(tmp_path), "--address", address)
        # Two trials, one on each node: whichever is lost interrupts one.
        wait_for_reports(driver, study, trials=2, reports=5)
        lose()
        _, err = driver.communicate(timeout=SECONDS)
        assert driver.returncode == 0, err
    assert_same(study, whole(1))
    (interrupted,) = [folder for folder in trial_folders(study) if len(starts(folder)) > 1]
    before, after = starts(interrupted)
    assert before == 0
    assert after > 0
    assert repeated_steps(interrupted) <= CHECKPOINT_STEPS


def test_a_trial_of_two_workers_goes_on_once_a_lost_node_is_replaced(
    whole: Callable[[int], Path], tmp_path: Path
) -> None:
    study = tmp_path / "s"
    with own_cluster() as nodes:
        nodes.add(cpus=0)
        nodes.add(cpus=1)
        spot = nodes.add(cpus=1)
        options = ("--address", nodes.address, "--workers-per-trial", "2")
        driver = start(*SMALL, "--storage", str(tmp_path), *options)
        wait_for_reports(driver, study, trials=1, reports=5)
        nodes.kill(spot)
        nodes.add(cpus=1)
        _, err = driver.communicate(timeout=SECONDS)
        assert driver.returncode == 0, err
    assert_same(study, whole(2))
    assert [len(starts(folder)) for folder in trial_folders(study)].count(2) == 1


def test_a_machine_that_its_owner_takes_back_is_no_failure_and_the_trial_is_begun_again_once(
    whole: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "s"
    # How soon Ray Train hears of it; trials here take seconds.
    monkeypatch.setenv("RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S", "0.2")
    with own_cluster() as nodes:
        nodes.add(cpus=0)
        spots = [nodes.add(cpus=1) for _ in range(3)]
        options = ("--address", nodes.address, "--workers-per-trial", "2", "--max-failures", "0")
        driver = start(*SMALL, "--storage", str(tmp_path), *options)
        # Not the first trial of its group: new workers do not know what a group has done.
        wait_for_reports(driver, study, trials=1, reports=2, ended=1)
        nodes.take_back(
            next(spot for spot in spots if actors_on(spot, "RayTrainWorker") and not actors_on(spot, TRIAL))
        )
        _, err = driver.communicate(timeout=SECONDS)
        assert driver.returncode == 0, err
    assert_same(study, whole(2))
    assert sorted(len(starts(folder)) for folder in trial_folders(study))[-2:] == [1, 2]


def test_a_head_that_dies_ends_the_driver_and_the_study_goes_on_under_another_one(
    whole: Callable[[int], Path], tmp_path: Path
) -> None:
    study = tmp_path / "s"
    with own_cluster() as old, own_cluster() as new:
        head = old.add(cpus=1)
        driver = start(*SMALL, "--storage", str(tmp_path), "--address", old.address)
        wait_for_reports(driver, study, trials=1, reports=5)
        old.kill(head)
        _, err = driver.communicate(timeout=SECONDS)
        assert driver.returncode == LOST, err
        assert f"go on with --resume {study}" in err.splitlines()[-1]
        assert open_study(str(study)).status.state == "lost"
        new.add(cpus=1)
        done = run("--resume", str(study), "--address", new.address, "--quiet", seconds=SECONDS)
        assert done.returncode == 0, done.stderr
    assert_same(study, whole(1))


def test_a_trial_that_outlives_its_head_and_its_driver_leaves_the_one_that_took_it_over_alone(
    whole: Callable[[int], Path], tmp_path: Path
) -> None:
    study = tmp_path / "s"
    with own_cluster() as old, own_cluster() as new:
        head, node = old.add(cpus=0), old.add(cpus=1)
        driver = start(*SMALL, "--storage", str(tmp_path), "--address", old.address)
        wait_for_reports(driver, study, trials=1, reports=5)
        # A node lives for a minute without its head, and so does its trial: here it stands still until it matters.
        (trial,) = actors_on(node, TRIAL)
        trial.suspend()
        old.kill(head)
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()
        new.add(cpus=1)
        driver = start("--resume", str(study), "--address", new.address, "--quiet")
        (begun,) = trial_folders(study)
        while len(starts(begun)) < 2:
            assert driver.poll() is None, driver.communicate()
            time.sleep(0.02)
        # On a busy machine the minute may be over.
        with suppress(psutil.NoSuchProcess):
            trial.resume()
        _, err = driver.communicate(timeout=SECONDS)
        assert driver.returncode == 0, err
    assert_same(study, whole(1))


def actors_on(node: "subprocess.Popen[bytes]", title: str) -> list[psutil.Process]:
    """The processes of a node whose title begins so."""
    everything = psutil.Process(node.pid).children(recursive=True)
    return [process for process in everything if "".join(process.cmdline()[:1]).startswith(f"ray::{title}")]


def wait_for_reports(driver: "subprocess.Popen[str]", study: Path, trials: int, reports: int, ended: int = 0) -> None:
    """Returns once so many trials at a time have made so many reports, after so many have ended."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert driver.poll() is None, driver.communicate()
        folders = trial_folders(study)
        running = [folder for folder in folders if not (folder / "result.json").exists()]
        if (
            len(folders) - len(running) >= ended
            and sum(len(new_reports(Folder(folder), 0)) >= reports for folder in running) >= trials
        ):
            return
        time.sleep(0.02)
    pytest.fail("no trial came so far")


def trial_folders(study: Path) -> Sequence[Path]:
    return sorted((study / "trials").glob("*")) if study.exists() else []


def starts(trial: Path) -> list[int]:
    """The step from which each run of a trial went."""
    found: list[int] = []
    for line in messages(trial):
        if " starts as worker 0 " in line:
            found.append(0)
        elif line.startswith("training goes on from step "):
            found[-1] = int(line.rsplit(" ", 1)[1])
    return found


def messages(trial: Path) -> list[str]:
    return [json.loads(line)["message"] for line in (trial / LOG).read_text().splitlines()]


def repeated_steps(trial: Path) -> int:
    """Steps that a trial made twice, by its reports."""
    steps = [report.step for report in new_reports(Folder(trial), 0)]
    return sum(max(0, before + REPORT_STEPS - after) for before, after in pairwise(steps))


def assert_same(study: Path, undisturbed: Path) -> None:
    """Every metric, report and table per query, and every table of the report but that of times, to the bit."""
    found, wanted = open_study(str(study)), open_study(str(undisturbed))
    assert found.status.state == "complete"
    assert [trial.id for trial in found.trials] == [trial.id for trial in wanted.trials]
    assert [differences(one, other) for one, other in zip(wanted.trials, found.trials, strict=True)] == [
        [] for _ in wanted.trials
    ]
    assert all(trial.damaged_files == [] for trial in found.trials)
    assert tables(study) == tables(undisturbed)


def tables(study: Path) -> dict[str, bytes]:
    folder = study.parent / "report"
    subprocess.run(
        [sys.executable, "-m", "analysis.report", str(study), "--format", "csv", "--output", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    of_times = ("cost", "settings")
    return {path.name: path.read_bytes() for path in folder.rglob("*.csv") if path.stem not in of_times}
