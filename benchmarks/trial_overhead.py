"""What a trial costs beside its training: its start and end through Ray, its reports and checkpoints, its memory.

    OMP_NUM_THREADS=1 python benchmarks/trial_overhead.py [--trials 6]

Runs small trials one after the other through Ray Tune and Ray Train as a study does, each on one worker and then each
on two, and prints the median seconds from the end of a trial to the end of the next one, less what its workers spent on
the trial itself (loading, training, evaluation: `cost.total_seconds`). Then trains steps of about 100 ms on one worker
without Ray, with the reports and checkpoints of the defaults, and prints which share of the time they take; and, in
turn with it, the same training with one report and no checkpoint, for what writing them takes from the rest.
"""

import argparse
import os
import statistics
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from ray import tune

from study.cluster.cells import CellResources
from study.cluster.resources import Resources
from study.cluster.trainable import TrialResources, trial_trainable
from study.cluster.tuner import running_ray
from study.settings import StudySettings
from tests.trainables.toy_trial import run_toy_trial, toy_inputs, toy_trial
from trainables.encoders.registry import resolve_encoder
from trainables.inputs import StudyInputs
from trainables.records import RESULT, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.config import MonitoringConfig

STEPS = 100
ROUNDS = 3
USUAL = MonitoringConfig()
STEP: dict[str, Any] = {
    "encoder": resolve_encoder("mini-s"),
    "steps": STEPS,
    "batches.size": 128,
    "monitoring.evaluations": 1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=6, metavar="N")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = StudySettings(space="static_ratio")
        with running_ray(settings, Folder(folder), 0, folder / "ray.log"):
            for workers in (1, 2):
                tell_starts(toy_inputs(), workers, options.trials, folder / str(workers))
        tell_records(folder)


def tell_starts(inputs: StudyInputs, workers: int, trials: int, folder: Path) -> None:
    """Prints what trials take beside themselves; the first one starts the process that the others use again."""
    resources = TrialResources(CellResources({"": Resources(workers, 1, 0, 1)}), 0)
    planned = [toy_trial().model_copy(update={"id": f"t{number}"}) for number in range(trials + 1)]
    tune.Tuner(
        trial_trainable(inputs, resources),
        param_space={
            "trial": tune.grid_search([trial.model_dump_json() for trial in planned]),
            "folder": tune.sample_from(
                lambda config: str(folder / TrialRecord.model_validate_json(config["trial"]).id)
            ),
        },
        tune_config=tune.TuneConfig(max_concurrent_trials=1, reuse_actors=True),
        run_config=tune.RunConfig(name="ray", storage_path=str(folder / "tune"), verbose=0),
    ).fit()
    found = sorted(
        ((folder / trial.id / RESULT).stat().st_mtime, read_sealed(Folder(folder / trial.id), RESULT, Result))
        for trial in planned
    )
    own = [result.cost.total_seconds for _, result in found]
    beside = [later - earlier - result.cost.total_seconds for (earlier, _), (later, result) in pairwise(found)]
    print(
        f"{workers} worker(s): {statistics.median(beside):.2f} s per trial beside its own "
        f"{statistics.median(own):.2f} s ({', '.join(f'{value:.2f}' for value in beside)}); "
        f"{found[-1][1].cost.peak_memory_gib:.2f} GiB per worker at its largest"
    )


def tell_records(folder: Path) -> None:
    """Prints what reports and checkpoints take of a training, in its own time and beside one that has none."""
    recorded = {**STEP, "monitoring.reports": USUAL.reports, "monitoring.checkpoints": USUAL.checkpoints}
    unrecorded = {**STEP, "monitoring.reports": 1, "monitoring.checkpoints": 0}
    shares, ratios = [], []
    for number in range(ROUNDS):
        usual = run_toy_trial(toy_trial(**recorded), folder / f"recorded{number}").cost
        bare = run_toy_trial(toy_trial(**unrecorded), folder / f"unrecorded{number}").cost
        shares.append(usual.wait_seconds / usual.train_seconds)
        ratios.append(usual.cpu_seconds / bare.cpu_seconds)
        step = 1000 * usual.train_seconds / STEPS
    print(
        f"{USUAL.reports} reports and {USUAL.checkpoints} checkpoints over {STEPS} steps of {step:.0f} ms: "
        f"{100 * statistics.median(shares):.2f} % of the training's time "
        f"({', '.join(f'{100 * share:.2f}' for share in shares)}); processor time "
        f"{statistics.median(ratios):.3f} of a training without ({', '.join(f'{ratio:.3f}' for ratio in ratios)})"
    )


if __name__ == "__main__":
    main()
