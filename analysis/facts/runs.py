"""One training run, read from the records of its trial."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.facts.schedules import Schedule, flat, schedule
from study.benchmarks import DEV
from study.records import Trial

WITHOUT_EFFECT = frozenset(("seed", "report_every", "evaluate_every", "checkpoint_every"))
"""Knobs of a training that differ between its repetitions, or that its numbers do not depend on."""


@dataclass(frozen=True)
class Training:
    """The knobs of a training; None where one was not recorded."""

    recorded: Mapping[str, Any]

    @property
    def schedule(self) -> Schedule | None:
        """How the ratio depended on progress."""
        return schedule(self.recorded.get("ratio"))

    @property
    def steps(self) -> int | None:
        """Optimiser steps."""
        return self._integer("steps")

    @property
    def batch_size(self) -> int | None:
        """Pairs in a batch, over all workers."""
        return self._integer("batch_size")

    @property
    def learning_rate(self) -> float | None:
        """Peak learning rate."""
        return self._number("learning_rate")

    @property
    def temperature(self) -> float | None:
        """Temperature of the loss."""
        return self._number("temperature")

    @property
    def weight_decay(self) -> float | None:
        """Weight decay of the optimiser."""
        return self._number("weight_decay")

    @property
    def warmup_share(self) -> float | None:
        """Share of the steps over which the learning rate rises."""
        return self._number("warmup_share")

    @property
    def gradient_clip(self) -> float | None:
        """Largest norm of the gradient."""
        return self._number("gradient_clip")

    @property
    def decay(self) -> str | None:
        """How the learning rate falls: `linear`, `cosine`, `constant`."""
        return None if self.recorded.get("decay") is None else str(self.recorded["decay"])

    @property
    def draw(self) -> str | None:
        """How the kind of a batch is drawn: `exact` or `bernoulli`."""
        return None if self.recorded.get("draw") is None else str(self.recorded["draw"])

    @property
    def is_symmetric(self) -> bool:
        """Whether the loss runs in both directions."""
        return bool(self.recorded.get("symmetric"))

    @property
    def mixes_losses(self) -> bool:
        """Whether every step took two batches, one of each kind, and mixed their losses."""
        return self.recorded.get("mixing") == "loss"

    def searched(self) -> dict[str, int | float | str]:
        """The plain values that a search may vary, by dotted name."""
        left_out = {*WITHOUT_EFFECT, "ratio.family"}
        return {
            name: value
            for name, value in flat(self.recorded).items()
            if name not in left_out and isinstance(value, int | float | str)
        }

    def fingerprint(self, ignored: Iterable[str] = ()) -> str:
        """Equal for trainings that were the same, apart from repetitions and from the `ignored` knobs."""
        left_out = WITHOUT_EFFECT | set(ignored)
        return json.dumps({k: v for k, v in self.recorded.items() if k not in left_out}, sort_keys=True)

    def _integer(self, name: str) -> int | None:
        value = self.recorded.get(name)
        return None if value is None else int(value)

    def _number(self, name: str) -> float | None:
        value = self.recorded.get(name)
        return None if value is None else float(value)


@dataclass(frozen=True)
class Progress:
    """What a run reported after some of its steps; None where it reported nothing.

    ratio: probability of a monolingual batch; mono_share: share of monolingual batches so far; dev: by objective.
    """

    step: int
    steps: int | None
    ratio: float | None
    mono_share: float | None
    loss: float | None
    dev: Mapping[str, float]


class Run:
    """A trial of the search phase, or a repetition of an arm in the confirm phase."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    @property
    def id(self) -> str:
        """Its name in the records."""
        return self._trial.id

    @property
    def phase(self) -> str:
        """`search` or `confirm`."""
        return self._trial.phase

    @property
    def branch(self) -> str:
        """In the search phase what was searched: a strategy, or a family of schedules."""
        return self._trial.family

    @property
    def arm(self) -> str | None:
        """Name of the arm in the confirm phase."""
        return self._trial.arm

    @property
    def seed(self) -> int:
        """The repetition."""
        return self._trial.seed

    @property
    def model(self) -> str:
        """Name of the encoder."""
        return self._trial.model

    @property
    def cell(self) -> Mapping[str, str]:
        """The level of every factor that the run belongs to."""
        return {"model": self._trial.model}

    @property
    def status(self) -> str:
        """`complete`, `pruned`, `diverged`, `failed` or `running`."""
        return self._trial.status

    @property
    def location(self) -> str:
        """Where its records lie."""
        return self._trial.folder.location

    @cached_property
    def training(self) -> Training:
        """What was trained."""
        return Training(self._trial.spec["training"])

    @cached_property
    def metrics(self) -> Mapping[str, float | None]:
        """The summary metrics by name; None where a value was not finite."""
        held = self._result.get("metrics", {})
        return {
            name: None if value is None or not math.isfinite(value) else float(value) for name, value in held.items()
        }

    def dev(self, objective: str) -> float | None:
        """The value of an objective on the dev set at the end."""
        value = self._result.get("metrics", {}).get(f"{DEV}/{objective}")
        return None if value is None or not math.isfinite(value) else float(value)

    @property
    def steps(self) -> int | None:
        """Optimiser steps done."""
        found = self._number("steps")
        return None if found is None else int(found)

    @property
    def error(self) -> str:
        """Why it failed, in a sentence; empty if it did not."""
        return str(self._result.get("error") or "")

    @property
    def mean_ratio(self) -> float | None:
        """Mean probability of a monolingual batch that was asked for."""
        return self._number("mean_ratio")

    @property
    def mono_share(self) -> float | None:
        """Share of monolingual batches that were drawn."""
        return self._number("mono_share")

    @property
    def parameters(self) -> float | None:
        """Parameters of the encoder."""
        return self._number("parameters")

    @property
    def negatives_per_query(self) -> float | None:
        """Passages in the batch that a query is told from."""
        return self._number("negatives_per_query")

    def cost(self, name: str) -> float | None:
        """A number of the cost: `pairs`, `signal_pairs`, `train_seconds`, `total_seconds`, `workers`, `gpus`, ..."""
        value = self._cost.get(name)
        return None if value is None else float(value)

    @property
    def device(self) -> str:
        """What it ran on."""
        return str(self._cost.get("device", ""))

    def progress(self) -> list[Progress]:
        """What it reported, by step."""
        return [
            Progress(
                step=report["step"],
                steps=report.get("steps"),
                ratio=report.get("ratio"),
                mono_share=report.get("mono_share"),
                loss=report.get("loss"),
                dev={name: value for name, value in (report.get("dev") or {}).items() if value is not None},
            )
            for report in self._trial.reports()
        ]

    def per_query(self) -> pd.DataFrame | None:
        """One row per query, setting and pool; None if it has none."""
        return self._trial.per_query()

    @property
    def _result(self) -> Mapping[str, Any]:
        return self._trial.result or {}

    @property
    def _cost(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._result.get("cost", {})
        return found

    def _number(self, name: str) -> float | None:
        value = self._result.get(name)
        return None if value is None else float(value)


def with_dev_value(runs: Iterable[Run], objective: str) -> list[tuple[Run, float]]:
    """The complete runs that have a value of an objective on the dev set, with it."""
    return [(run, value) for run in runs if run.status == "complete" and (value := run.dev(objective)) is not None]
