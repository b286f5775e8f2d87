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
from typing import Any, Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from search_spaces.recipes import MINI
from search_spaces.space import Branch, Space, strategies
from study.data import load_data
from study.plan.arms import Arm
from study.plan.program import StudyPlan
from study.settings import StudySettings
from trainables.encoders.config import resolve_encoder
from trainables.encoders.model import Encoder, build_encoder
from trainables.evaluation.encode import encode
from trainables.evaluation.evaluate import evaluate
from trainables.inputs import TokenisedBenchmark, TrialInputs, prepare_inputs
from trainables.spec import Outcome, Rung, TrialSpec
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import Tokens

OBJECTIVE = "multilingual/map"
MODEL = "mini-xs"

SPACE = Space(
    name="early_stopping",
    question="Does early stopping change what a study finds?",
    branches=(
        *strategies(),
        Branch(name="static", role="static", family="constant"),
        Branch(name="linear", role="dynamic", family="linear"),
        Branch(name="step", role="dynamic", family="step"),
    ),
    trials=10,
    main_comparison=("best dynamic", "best static"),
)


@dataclass
class Curve:
    """A sink that follows the rungs of a trial and keeps what it saw."""

    rungs: Mapping[int, Rung]
    dev: dict[int, float] = field(default_factory=dict)

    def report(self, report: Mapping[str, Any]) -> bool:
        if not report.get("dev"):
            return False
        step, value = int(report["step"]), float(report["dev"][OBJECTIVE])
        self.dev[step] = value
        return step in self.rungs and self.rungs[step].misses(value)


@dataclass
class Laboratory:
    """Trains what it is asked for, once."""

    inputs: TrialInputs
    curves: dict[str, tuple[str, dict[int, float]]] = field(default_factory=dict)
    tested: dict[str, float] = field(default_factory=dict)

    def search(self, spec: TrialSpec) -> Outcome:
        """The outcome of a search trial, stopped at the first rung that it misses."""
        rungs = {rung.step: rung for rung in spec.rungs}
        if spec.training.fingerprint in self.curves:
            status, dev = self.curves[spec.training.fingerprint]
        else:
            status, dev, _ = self._train(spec, rungs)
            if status != "pruned":
                self.curves[spec.training.fingerprint] = status, dev
        missed = [step for step, value in dev.items() if step in rungs and rungs[step].misses(value)]
        if missed:
            status, dev = "pruned", {step: value for step, value in dev.items() if step <= missed[0]}
        last = max(dev) if dev else 0
        return Outcome(
            status=_status(status),
            steps=last,
            metrics={f"dev/{OBJECTIVE}": dev[last]} if dev else {},
            dev_by_step={step: {OBJECTIVE: value} for step, value in dev.items()},
            pairs=last * spec.training.batch_size,
        )

    def test(self, spec: TrialSpec) -> float:
        """The objective on the test benchmark after a confirm trial."""
        if spec.training.fingerprint not in self.tested:
            _, _, encoder = self._train(spec.model_copy(update={"training": spec.training}), {})
            self.tested[spec.training.fingerprint] = self._measure(encoder, self.inputs.tests[0])
        return self.tested[spec.training.fingerprint]

    def _train(self, spec: TrialSpec, rungs: Mapping[int, Rung]) -> tuple[str, dict[int, float], Encoder]:
        inputs, curve = self.inputs, Curve(rungs)
        encoder = build_encoder(inputs.encoder, inputs.tokenizer, spec.training.seed)
        summary = fine_tune(
            spec.training,
            inputs.data,
            Tokens(inputs.queries, inputs.passages, inputs.tokenizer.pad_token_id),
            encoder,
            sink=curve,
            evaluate=lambda module: {OBJECTIVE: self._measure(module, inputs.dev)},
        )
        return summary.status, curve.dev, encoder

    def _measure(self, encoder: Encoder, tokenised: TokenisedBenchmark) -> float:
        pad = self.inputs.tokenizer.pad_token_id
        queries, candidates = (
            encode(encoder, table, pad_id=pad, device="cpu") for table in (tokenised.queries, tokenised.candidates)
        )
        metrics = evaluate(tokenised.benchmark, queries, candidates, keep_per_query=False).metrics
        return metrics[f"{tokenised.benchmark.name}/{OBJECTIVE}"]


@dataclass(frozen=True)
class Ended:
    """A search that has chosen its arms."""

    steps: int
    trials: int
    stopped: int
    curves: Mapping[str, Mapping[int, float]]
    grace: Mapping[str, float]
    """The dev curves of the search trials by id, and the progress from which each can be judged."""
    arms: Mapping[str, Arm]
    dev: Mapping[str, float]
    """Of the arms, at the end of the search trial that they come from."""
    confirmed: Mapping[str, float]
    """Mean over fresh seeds on the test benchmark."""

    @property
    def winner(self) -> str:
        return max(self.confirmed, key=lambda name: self.confirmed[name])


def _status(status: str) -> Literal["complete", "pruned", "diverged"]:
    match status:
        case "complete" | "pruned" | "diverged":
            return status
    raise ValueError(status)


def run_study(laboratory: Laboratory, settings: StudySettings) -> Ended:
    plan = StudyPlan(SPACE, MINI, settings, MODEL)
    found: dict[str, Outcome] = {}
    grace: dict[str, float] = {}
    while (spec := plan.next_trial()) is not None:
        found[spec.id] = laboratory.search(spec)
        grace[spec.id] = spec.training.ratio.comparable_from()
        plan.complete(spec, found[spec.id])
    plan.start_confirm_phase()
    confirm = list(iter(plan.next_trial, None))
    arms = {arm.arm: arm for arm in plan.arms if arm.arm in SPACE.main_comparison}
    confirmed = {
        name: float(np.mean([laboratory.test(spec) for spec in confirm if spec.arm == (arm.same_as or name)]))
        for name, arm in arms.items()
    }
    return Ended(
        steps=sum(outcome.steps for outcome in found.values()),
        trials=len(found),
        stopped=sum(outcome.status == "pruned" for outcome in found.values()),
        curves={name: {step: dev[OBJECTIVE] for step, dev in o.dev_by_step.items()} for name, o in found.items()},
        grace=grace,
        arms=arms,
        dev={name: found[arm.chosen_from].metrics[f"dev/{OBJECTIVE}"] for name, arm in arms.items()},
        confirmed=confirmed,
    )


def describe(ended: Ended) -> str:
    return "; ".join(
        f"{name} {arm.training.ratio.summary()}, rate {arm.training.learning_rate:.2g}, "
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
        steps=options.steps,
        seeds=options.seeds,
        evaluations=options.evaluations,
        early_stopping="off",
    )
    halving = off.model_copy(update={"early_stopping": "halving"})
    data = load_data(off, SPACE, MINI.batch_size)
    inputs = prepare_inputs(resolve_encoder(MODEL), data.training, data.dev, data.tests)
    saved, same_arms, same_winner = [], 0, 0
    print(f"{options.steps} steps, {options.trials} trials per branch, {options.evaluations} evaluations")
    for repetition in range(options.repetitions):
        started = time.perf_counter()
        laboratory = Laboratory(inputs)
        whole, stopped = (
            run_study(laboratory, settings.model_copy(update={"search_seed": settings.search_seed + repetition}))
            for settings in (off, halving)
        )
        saved.append(1 - stopped.steps / (stopped.trials * options.steps))
        alike = [name for name in whole.arms if whole.arms[name].training == stopped.arms[name].training]
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
