"""Values per question of every arm, read once per trial."""

import pandas as pd

from analysis.findings import Arm, Benchmark, Findings
from analysis.statistics.questions import QuestionTable, question_table
from study.records import UserError

RANK_DISTANCE = "rank_distance"

Key = tuple[str, str, str]
"""Benchmark, setting, metric."""


class Queries:
    """The per-query files of the arms of `findings`; a trial whose file is missing or damaged is left out."""

    def __init__(self, findings: Findings) -> None:
        self._benchmarks = findings.benchmarks
        self._tables: dict[str, dict[Key, QuestionTable]] = {}
        self.problems: list[str] = []

    def table(self, arm: Arm, benchmark: str, setting: str, metric: str) -> QuestionTable | None:
        """The values of an arm by seed, question and cell; None if no trial has any."""
        # Arms with identical training have the same trials: their files are read once.
        key = "|".join(trial.folder.location for trial in arm.trials)
        if key not in self._tables:
            self._tables[key] = self._read(arm)
        return self._tables[key].get((benchmark, setting, metric))

    def _read(self, arm: Arm) -> dict[Key, QuestionTable]:
        found = ((trial.seed, trial.per_query()) for trial in arm.trials)
        frames = {seed: frame for seed, frame in found if frame is not None and len(frame)}
        tables = {}
        for benchmark in self._benchmarks:
            held = {seed: frame[frame["benchmark"] == benchmark.name] for seed, frame in frames.items()}
            held = {seed: frame for seed, frame in held.items() if len(frame)}
            for setting, metric in _wanted(benchmark):
                runs = {seed: frame for seed, frame in held.items() if _has(frame, setting, metric)}
                if not runs:
                    continue
                try:
                    tables[benchmark.name, setting, metric] = question_table(runs, setting, metric)
                except UserError as error:
                    self.problems.append(f"{arm.label} on {benchmark.name}: {error}")
        return tables


def _wanted(benchmark: Benchmark) -> list[tuple[str, str]]:
    wanted = [(setting, benchmark.metric) for setting in benchmark.settings]
    return wanted + [("multilingual", RANK_DISTANCE)] * ("multilingual" in benchmark.settings)


def _has(frame: pd.DataFrame, setting: str, metric: str) -> bool:
    return metric in frame.columns and bool(frame.loc[frame["setting"] == setting, metric].notna().any())
