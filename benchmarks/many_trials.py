"""What a study costs beside its training: time per trial, memory of the driver, time of a report.

    OMP_NUM_THREADS=1 python benchmarks/many_trials.py [--trials 1000] [--sampler tpe]

Runs one study of about `--trials` trials that train nothing (tests/study/planted.py: the plan, Optuna, Ray Tune, reused
actors, all records and a table per confirm run, in no time), two at a time, and then the same plan without Ray. Prints
for every fifth of the study the seconds per trial, so that what grows with the number of trials is seen; the largest
resident memory of the driver; and what a report of the whole study takes. What trains nothing takes no core for long:
the time between two ends of trials is the time of the driver.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from study.records import open_study
from tests.study.planted import SETTINGS, SPACE, Planted, ray_for_many_studies, study_in_folder, study_with_ray
from trainables.records import RESULT

ROOT = Path(__file__).parent.parent
WORLD = Planted("best constant", 0)
SEARCHES = 6
"""Shares of the budget: the constants get as many trials as both schedules, and there is one strategy."""

FIFTHS = 5
_SEEDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    parser.add_argument("--sampler", choices=("tpe", "random"), default="tpe")
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
        with ray_for_many_studies():
            began = time.monotonic()
            study_with_ray(WORLD, folder, SPACE, settings)
            seconds = time.monotonic() - began
        tell(folder, seconds)
        print(f"driver: {memory_mib():.0f} MiB at its largest")
        tell_report(Path(temporary) / "alone", "markdown,csv")


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
