"""How much training early stopping saves on the atlas, and whether the study comes to the same end.

    OMP_NUM_THREADS=1 python benchmarks/early_stopping.py [--repetitions 5] [--trials 10] [--steps 100] [--seeds 2]

Every repetition runs the search of one study twice, with and without `--early-stopping halving`, in this process on one
thread: the plan, the data, the trials and the rungs of a study with mini-xs, over the three strategies, the constants
and two families. Repetitions differ in the search seed: other weights, batches and values tried. Then the best
static and the best dynamic arm of either search are confirmed on the test benchmark with `--seeds` fresh seeds.

Prints per repetition the share of the search's training steps that was saved, whether either search chose the same
arms, their dev values, and which arm won the confirmation. A training that both searches ask for is run once: equal
specifications give equal numbers. `--curves FILE` keeps the dev curves of the search that stops nothing, as JSON lines.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from search_spaces.space import Space, family_branch, static_branch, strategies
from study.data import load_data
from study.plan.program import StudyPlan
from study.records import ArmRecord
from study.settings import StudySettings
from trainables.inputs import StudyInputs, prepare_inputs
from trainables.parallel.worker import Worker
from trainables.records import RESULT, Outcome, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.report_log import new_reports
from trainables.trial import run_trial

OBJECTIVE = "multilingual/map"

SPACE = Space(
    name="early_stopping",
    question="Does early stopping change what a study finds?",
    branches=(
        *strategies(),
        static_branch(),
        family_branch("linear"),
        family_branch("step"),
    ),
    trials=10,
    main_comparison=("best dynamic", "best static"),
)


@dataclass
class Laboratory:
    """Runs what it is asked for, once."""

    inputs: StudyInputs
    place: Path
    ran: dict[str, tuple[Result, Outcome]] = field(default_factory=dict)

    def run(self, trial: TrialRecord) -> tuple[Result, Outcome]:
        """The records of a trial; of one that ran to its end before, those of then up to the rung that it misses."""
        config = trial.config
        known = self.ran.get(config.fingerprint + trial.phase)
        if known is None:
            folder = Folder(self.place / trial.id / config.fingerprint / str(hash(trial.rungs)))
            run_trial(trial, self.inputs.of(config.encoder), folder, Worker())
            result = read_sealed(folder, RESULT, Result)
            known = result, Outcome.of(result, new_reports(folder, 0))
            if result.status != "pruned":
                self.ran[config.fingerprint + trial.phase] = known
        return known[0], _stopped(known[1], trial)


def _stopped(outcome: Outcome, trial: TrialRecord) -> Outcome:
    """The outcome as it is where the trial misses no rung, else as it would be at the first one that it misses."""
    missed = [
        rung.step
        for rung in trial.rungs
        if rung.step in outcome.dev_by_step and rung.misses(outcome.dev_by_step[rung.step][rung.metric])
    ]
    if not missed:
        return outcome
    dev = {step: values for step, values in outcome.dev_by_step.items() if step <= missed[0]}
    metrics = {f"dev/{name}": value for name, value in dev[missed[0]].items()}
    return outcome.model_copy(update={"status": "pruned", "steps": missed[0], "dev_by_step": dev, "metrics": metrics})


@dataclass(frozen=True)
class Ended:
    """A search that has chosen its arms."""

    steps: int
    trials: int
    stopped: int
    curves: Mapping[str, Mapping[int, float]]
    grace: Mapping[str, float]
    """The dev curves of the search trials by id, and the progress from which each can be judged."""
    arms: Mapping[str, ArmRecord]
    dev: Mapping[str, float]
    """Of the arms, at the end of the search trial that they come from."""
    confirmed: Mapping[str, float]
    """Mean over fresh seeds on the test benchmark."""

    @property
    def winner(self) -> str:
        return max(self.confirmed, key=lambda name: self.confirmed[name])


def run_study(laboratory: Laboratory, settings: StudySettings) -> Ended:
    plan = StudyPlan(SPACE, settings)
    found: dict[str, Outcome] = {}
    grace: dict[str, float] = {}
    while (trial := plan.next_trial()) is not None:
        _, found[trial.id] = laboratory.run(trial)
        grace[trial.id] = trial.config.ratio.comparable_from()
        plan.complete(trial, found[trial.id])
    plan.start_confirm_phase()
    confirm = list(iter(plan.next_trial, None))
    arms = {arm.arm: arm for arm in plan.arms if arm.arm in SPACE.main_comparison}
    confirmed = {
        name: float(
            np.mean([tested(laboratory.run(trial)[0]) for trial in confirm if trial.arm == (arm.same_as or name)])
        )
        for name, arm in arms.items()
    }
    return Ended(
        steps=sum(outcome.steps for outcome in found.values()),
        trials=len(found),
        stopped=sum(outcome.status == "pruned" for outcome in found.values()),
        curves={name: {step: dev[OBJECTIVE] for step, dev in o.dev_by_step.items()} for name, o in found.items()},
        grace=grace,
        arms=arms,
        dev={name: found[str(arm.chosen_from)].metrics[f"dev/{OBJECTIVE}"] for name, arm in arms.items()},
        confirmed=confirmed,
    )


def tested(result: Result) -> float:
    """The objective on the test benchmark."""
    return result.metrics[f"atlas-test/{OBJECTIVE}"]


def describe(ended: Ended) -> str:
    return "; ".join(
        f"{name} {arm.config.ratio.summary()}, rate {arm.config.optimiser.learning_rate:.2g}, "
        f"dev {ended.dev[name]:.4f}, test {ended.confirmed[name]:.4f}"
        for name, arm in ended.arms.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--trials", type=int, default=10, help="search trials per branch (default: 10)")
    parser.add_argument("--steps", type=int, default=100, help="optimiser steps of a trial (default: 100)")
    parser.add_argument("--evaluations", type=int, default=4, help="dev evaluations of a trial (default: 4)")
    parser.add_argument("--seeds", type=int, default=2, help="confirm seeds (default: 2)")
    parser.add_argument("--curves", type=Path, help="keep every dev curve here, as JSON lines")
    options = parser.parse_args()
    torch.set_num_threads(1)
    off = StudySettings(
        space=SPACE.name,
        trials=options.trials,
        seeds=options.seeds,
        set={"steps": options.steps, "monitoring.evaluations": options.evaluations, "monitoring.checkpoints": 0},
        early_stopping="off",
    )
    halving = off.model_copy(update={"early_stopping": "halving"})
    plan = StudyPlan(SPACE, off)
    data = load_data(off, SPACE, [plan.first_configs[0].batches])
    inputs = prepare_inputs(plan.encoders, data.training, data.dev, data.tests)
    saved, same_arms, same_winner = [], 0, 0
    print(f"{options.steps} steps, {options.trials} trials per branch, {options.evaluations} evaluations")
    for repetition in range(options.repetitions):
        started = time.perf_counter()
        with TemporaryDirectory() as place:
            laboratory = Laboratory(inputs, Path(place))
            whole, stopped = (
                run_study(laboratory, settings.model_copy(update={"search_seed": settings.search_seed + repetition}))
                for settings in (off, halving)
            )
        saved.append(1 - stopped.steps / (stopped.trials * options.steps))
        alike = [name for name in whole.arms if whole.arms[name].config == stopped.arms[name].config]
        same_arms += len(alike) == len(whole.arms)
        same_winner += whole.winner == stopped.winner
        print(
            f"{repetition}: {saved[-1]:.1%} of {stopped.trials * options.steps} steps saved, {stopped.stopped} of "
            f"{stopped.trials} trials stopped; the same choice of {' and '.join(alike) or 'neither arm'}; confirmed "
            f"winner {whole.winner} without, {stopped.winner} with; {time.perf_counter() - started:.0f} s"
        )
        print(f"   without: {describe(whole)}\n   with:    {describe(stopped)}", flush=True)
        if options.curves:
            with options.curves.open("a", encoding="utf-8") as stream:
                for name, dev in whole.curves.items():
                    line = {"repetition": repetition, "trial": name, "grace": whole.grace[name], "dev": dev}
                    stream.write(json.dumps(line) + "\n")
    print(
        f"saved: mean {np.mean(saved):.1%}, least {min(saved):.1%}; same two arms {same_arms}/{len(saved)}, "
        f"same confirmed winner {same_winner}/{len(saved)}"
    )


if __name__ == "__main__":
    main()
