"""What a study costs beside its training: time per trial, memory of the driver, time of a report.

    OMP_NUM_THREADS=1 python benchmarks/many_trials.py [--trials 1000] [--sampler tpe] [--nodes 64] [--at-a-time 4]
        [--start-seconds 60]

Runs the plan of one study of about `--trials` trials that train nothing (tests/study/planted.py: the plan, Optuna, Ray
Tune, reused actors, all records and a table per confirm run, in no time) without Ray, and then the study with it:
on a Ray of two cores, or on a cluster of `--nodes` nodes of one core each, which Ray simulates on this machine. Prints
for every fifth of the study the seconds per trial, so that what grows with the number of trials is seen; the largest
resident memory of the driver; and what a report of the whole study takes. What trains nothing takes no core for long:
the time between two ends of trials is the time of the driver.

On a cluster with cores to spare Tune starts a process for a trial, gives the trial to the first process that comes free
and drops the started one. Trials that end before the others' processes have started would so start one each, seconds of
a core that all nodes share here; `--start-seconds` lets the first trial of every process wait for them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import ray
from ray.cluster_utils import Cluster

from study.study_folder import open_study
from tests.study.planted import SETTINGS, SPACE, Planted, ray_for_many_studies, study_in_folder, study_with_ray
from trainables.records import RESULT

ROOT = Path(__file__).parent.parent
WORLD = Planted("best constant", 0)
SEARCHES = 4
"""Shares of the budget: the constants get as many trials as both schedules."""

FIFTHS = 5
_SEEDS = 5

_SMALL: dict[str, Any] = {"object_store_memory": 80_000_000, "include_dashboard": False}
_NODES_SECONDS = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    parser.add_argument("--sampler", choices=("tpe", "random"), default="tpe")
    parser.add_argument("--nodes", type=int, default=0, metavar="N")
    parser.add_argument("--at-a-time", type=int, default=2, metavar="N")
    parser.add_argument("--start-seconds", type=float, default=0.0, metavar="S")
    options = parser.parse_args()
    changes = {"trials": max(1, options.trials // SEARCHES), "seeds": _SEEDS, "sampler": options.sampler}
    settings = SETTINGS.model_copy(update=changes)
    print(f"before: {memory_mib():.0f} MiB")
    with tempfile.TemporaryDirectory() as temporary:
        began = time.monotonic()
        study_in_folder(WORLD, Path(temporary) / "alone", settings=settings)
        alone = time.monotonic() - began
        print(f"without Ray: {alone:.1f} s, {memory_mib():.0f} MiB")
        folder = Path(temporary) / "study"
        with simulated_cluster(options.nodes) as address, ray_for_many_studies(address):
            print(f"nodes: {len(ray.nodes())}")
            began = time.monotonic()
            study_with_ray(WORLD, folder, SPACE, settings, options.at_a_time, options.start_seconds)
            seconds = time.monotonic() - began
        tell(folder, seconds)
        print(f"driver: {memory_mib():.0f} MiB at its largest")
        tell_report(Path(temporary) / "alone", "markdown,csv")


@contextmanager
def simulated_cluster(nodes: int) -> Iterator[str]:
    """The address of a head without cores and so many nodes of one; `local` if there are none."""
    if not nodes:
        yield "local"
        return
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **_SMALL})
    try:
        for _ in range(nodes):
            cluster.add_node(wait=False, num_cpus=1, **_SMALL)
        cluster.wait_for_nodes(timeout=_NODES_SECONDS)
        yield cluster.address
    finally:
        cluster.shutdown()


def tell(folder: Path, seconds: float) -> None:
    """Prints the time per trial, over the study and by fifths of it."""
    ends = np.sort([path.stat().st_mtime for path in folder.glob(f"trials/*/{RESULT}")])
    parts = np.array_split(np.diff(ends), FIFTHS)
    print(f"with Ray: {seconds:.1f} s for {len(ends)} trials, {1000 * seconds / len(ends):.0f} ms each")
    print("ms per trial by fifths: " + ", ".join(f"{1000 * part.mean():.0f}" for part in parts))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"on disk: {size / len(ends) / 1024:.0f} KiB per trial")


def tell_report(folder: Path, formats: str) -> None:
    """Prints what reading the records and making the report takes."""
    began = time.monotonic()
    trials = len(open_study(str(folder)).trials)
    read = time.monotonic() - began
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "analysis.report", str(folder), "--format", formats]
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"report ({formats}): {seconds:.1f} s, {processor:.1f} s of processor; {trials} records read in {read:.1f} s")


def memory_mib() -> float:
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
