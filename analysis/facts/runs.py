"""One training run, read from the records of its trial."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import pandas as pd

from study.records import TRIALS
from study.study_folder import Trial
from trainables.config import TrialConfig
from trainables.evaluation.metric_name import DEV
from trainables.records import LOG, BatchRecord, Report

Cell = Mapping[str, str]
"""The level of every factor, in words: `{"model": "mini-s", "batch size": "48"}`."""


class Run:
    """A trial of the search phase, or a repetition of an arm in the confirm phase.

    `cell`: the level of every factor that it belongs to.
    """

    def __init__(self, trial: Trial, cell: Cell) -> None:
        self._trial = trial
        self.cell = cell

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
        return self._trial.record.branch or ""

    @property
    def arm(self) -> str | None:
        """Name of the arm in the confirm phase."""
        return self._trial.record.arm

    @property
    def repetition(self) -> int:
        """Which search it belongs to, or chose its arm, where the search was repeated."""
        return self._trial.record.repetition

    @property
    def seed(self) -> int:
        """What its random numbers follow from."""
        return self._trial.seed

    @property
    def config(self) -> TrialConfig:
        """What was trained."""
        return self._trial.config

    @property
    def model(self) -> str:
        """Name of the encoder."""
        return self.config.encoder.name

    @property
    def status(self) -> str:
        """`complete`, `pruned`, `diverged`, `failed` or `running`."""
        return self._trial.status

    @property
    def location(self) -> str:
        """Where its records lie."""
        return self._trial.folder.location

    @property
    def metrics(self) -> Mapping[str, float]:
        """The summary metrics by name."""
        return {} if self._trial.result is None else self._trial.result.metrics

    def dev(self, objective: str) -> float | None:
        """The value of an objective on the dev set at the end."""
        return self.metrics.get(f"{DEV}/{objective}")

    @property
    def steps(self) -> int | None:
        """Optimiser steps done."""
        return None if self._trial.result is None else self._trial.result.steps

    @property
    def error(self) -> str:
        """Why it failed, in a sentence; empty if it did not."""
        return "" if self._trial.result is None else self._trial.result.error or ""

    @property
    def log(self) -> str:
        """What its process said, as a path in the study's folder; empty where there is no such file."""
        return f"{TRIALS}/{self.id}/{LOG}" if self._trial.folder.exists(LOG) else ""

    @property
    def mean_ratio(self) -> float | None:
        """Mean probability of a monolingual batch that was asked for."""
        return None if self._trial.result is None else self._trial.result.mean_ratio

    @property
    def mono_share(self) -> float | None:
        """Share of monolingual batches that were drawn."""
        return None if self._trial.result is None else self._trial.result.mono_share

    @property
    def batches(self) -> BatchRecord | None:
        """What its batches held; None where that was not recorded."""
        return None if self._trial.result is None else self._trial.result.batches

    @property
    def parameters(self) -> int | None:
        """Parameters of the encoder."""
        return None if self._trial.result is None else self._trial.result.parameters

    @property
    def negatives_per_query(self) -> int | None:
        """Passages in the batch that a query is told from."""
        return None if self._trial.result is None else self._trial.result.negatives_per_query

    def cost(self, name: str) -> float | None:
        """A number of `trainables.records.Cost` by its name; None while it runs."""
        return None if self._trial.result is None else float(getattr(self._trial.result.cost, name))

    @property
    def device(self) -> str:
        """What it ran on."""
        return "" if self._trial.result is None else self._trial.result.cost.device

    @cached_property
    def progress(self) -> list[Report]:
        """What it reported, by step."""
        return self._trial.reports()

    def per_query(self) -> pd.DataFrame | None:
        """One row per query, setting and pool; None if it has none."""
        return self._trial.per_query()


def with_dev_value(runs: Iterable[Run], objective: str) -> list[tuple[Run, float]]:
    """The complete runs that have a value of an objective on the dev set, with it."""
    return [(run, value) for run in runs if run.status == "complete" and (value := run.dev(objective)) is not None]
