"""Whatever is killed, at whatever moment: the study ends, and its numbers are those of one that nobody disturbed."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
import pytest

from study.study_folder import open_study
from tests.study.conftest import results, run, start

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1500)]

KILLS = {
    ("trial process", 1): 20,
    ("worker", 2): 20,
    ("driver", 1): 20,
    ("trial process", 2): 5,
    ("driver", 2): 5,
    ("mailbox", 2): 5,
}
"""How many, at seeded random moments, by what is killed and how many workers train a trial."""

SECONDS = 900

SMALL = (
    *("--space", "static_ratio", "--arms", "X-Y,hybrid 0.5", "--trials", "1", "--seeds", "1", "--model", "mini-xs"),
    *("--steps", "30", "--batch-size", "16", "--learning-rate", "0.001", "--quiet", "--keep-encoders", "none"),
    *("--set", "monitoring.reports=15", "--evaluations", "3", "--checkpoints", "10", "--max-failures", "3"),
)

_TITLES = {"worker": "RayTrainWorker", "mailbox": "Mailbox"}
_NO_TRIAL = (
    "ray::IDLE",
    "Agent",
    *_TITLES.values(),
    "TrainController",
    "PlacementGroup",
    "Synchronization",
    "Queue",
    "Coordinator",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The undisturbed study with so many workers per trial."""

    @cache
    def study(workers: int) -> Path:
        storage = tmp_path_factory.mktemp("whole")
        done = run(
            *SMALL, "--storage", str(storage), "--name", "s", "--workers-per-trial", str(workers), seconds=SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return storage / "s"

    return study


def reports(study: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in study.glob("trials/*/reports.jsonl"))


def victims(kind: str, driver: psutil.Process) -> Iterator[psutil.Process]:
    """The processes of a kind that a study of ours has now."""
    if kind == "driver":
        yield driver
        return
    for process in driver.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline())
            if not title.startswith("ray::"):
                continue
            if _TITLES[kind] in title if kind in _TITLES else not any(name in title for name in _NO_TRIAL):
                yield process


@pytest.mark.parametrize(
    ("kind", "workers", "number"), [(*kind, number) for kind, kills in KILLS.items() for number in range(kills)]
)
def test_a_study_survives_a_kill(
    kind: str, workers: int, number: int, whole: Callable[[int], Path], tmp_path: Path
) -> None:
    undisturbed = whole(workers)
    chance = random.Random(f"{kind} {number}")
    moment = chance.randrange(1, reports(undisturbed))
    study = tmp_path / "s"
    process = start(*SMALL, "--storage", str(tmp_path), "--name", "s", "--workers-per-trial", str(workers))
    killed = _kill(kind, process, study, moment, chance)
    if kind == "driver":
        process.communicate()
        done = run("--resume", str(study), "--quiet", seconds=SECONDS)
        assert done.returncode == 0, done.stderr
    else:
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
    assert killed
    assert results(study) == results(undisturbed)
    assert open_study(str(study)).status.state == "complete"
    assert _left_behind(killed) == []


def _kill(
    kind: str, process: "subprocess.Popen[str]", study: Path, moment: int, chance: random.Random
) -> list[psutil.Process]:
    """Kills one process of the kind once there are so many reports; returns the driver and all that it had started."""
    driver = psutil.Process(process.pid)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if reports(study) >= moment and (found := list(victims(kind, driver))):
            all_of_it = [driver, *driver.children(recursive=True)]
            if kind == "driver":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                chance.choice(found).kill()
            return all_of_it
        time.sleep(0.02)
    pytest.fail("there was nothing to kill")


def _left_behind(processes: list[psutil.Process]) -> list[str]:
    """What still runs of these processes after a while."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    return [str(process) for process in alive if process.status() != psutil.STATUS_ZOMBIE]
