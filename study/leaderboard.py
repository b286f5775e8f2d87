"""Which branches and arms lead by dev metrics: the best search trial of every branch, the mean over the seeds of every
arm. It is told trial by trial, by a running study and by its records alike, and it knows no result of a benchmark.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text

from study.records import ArmRecord, BranchRecord, StudyRecord
from trainables.evaluation.metric_name import DEV
from trainables.inert import inert
from trainables.records import TrialRecord

_Place = tuple[str, str, int, tuple[tuple[str, str], ...]]
"""The phase, a branch or an arm, in which search, and in which cell."""

_Values = tuple[float | None, ...]
"""The dev metrics that choose, the first one decides; None where a trial has none."""


@dataclass
class Leaderboard:
    """The trials of a study that have ended, as a table of its branches or arms, best first."""

    study: StudyRecord
    arms: Sequence[ArmRecord] = ()
    """Once they are chosen."""
    _ended: Counter[_Place] = field(default_factory=Counter)
    _complete: dict[_Place, list[tuple[_Values, TrialRecord]]] = field(default_factory=lambda: defaultdict(list))

    def ended(self, trial: TrialRecord, status: str, metrics: Mapping[str, float]) -> None:
        """Takes a trial in that has ended, in whatever way, with its metrics as in records."""
        # The searches of a branch are shown as one: so many tries it had.
        name, search = (trial.branch, 0) if trial.phase == "search" else (trial.arm, trial.repetition)
        place = _place(trial.phase, name or "", search, trial.cell)
        self._ended[place] += 1
        if status == "complete":
            values = tuple(metrics.get(f"{DEV}/{one.metric}") for one in self.study.objectives)
            self._complete[place].append((values, trial))

    def table(self, phase: str, most: int | None = None) -> Table | None:
        """The branches in the search, later the arms; no more than `most` rows. None before there are any."""
        is_search = phase == "search"
        rows = [*map(self._branch, self.study.branches)] if is_search else [*map(self._arm, self.arms)]
        if not rows:
            return None
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("search" if is_search else "confirm", no_wrap=True)
        table.add_column("trials" if is_search else "seeds", justify="right", no_wrap=True)
        for one in self.study.objectives:
            label = Text(f"{'' if is_search else 'mean '}dev {inert(one.metric)}")
            table.add_column(label, justify="right", no_wrap=True)
        if is_search:
            table.add_column("best trial", no_wrap=True)
        # Of all columns only this one gives way.
        table.add_column("ratio")
        for values, before, after in sorted(rows, key=lambda row: self._rank(row[0]))[:most]:
            shown = ["-" if value is None else f"{value:.4f}" for value in values]
            table.add_row(*(Text(inert(cell)) for cell in (*before, *shown, *after)))
        return table

    def _branch(self, branch: BranchRecord) -> tuple[_Values, list[str], list[str]]:
        """Values and cells of the row of a branch."""
        place = _place("search", branch.branch, 0, branch.cell)
        best = min(self._complete[place], key=lambda one: self._rank(one[0]), default=None)
        values, trial = best or (self._nothing, None)
        planned = branch.trials * self.study.settings.repeat_search
        label = " ".join([*branch.cell.values(), branch.branch])
        ratio = ["-", "-"] if trial is None else [trial.id, trial.config.summary]
        return values, [label, f"{self._ended[place]}/{planned}"], ratio

    def _arm(self, arm: ArmRecord) -> tuple[_Values, list[str], list[str]]:
        """Values and cells of the row of an arm; arms with identical training share their trials."""
        place = _place("confirm", arm.same_as or arm.arm, arm.repetition, arm.cell)
        seeds = [values for values, _ in self._complete[place]]
        again = [f"search {arm.repetition}"] if self.study.settings.repeat_search > 1 else []
        values = tuple(_mean([one for one in column if one is not None]) for column in zip(*seeds, strict=True))
        label = " ".join([*arm.cell.values(), arm.arm, *again])
        return values or self._nothing, [label, str(len(seeds))], [arm.description]

    @property
    def _nothing(self) -> _Values:
        return (None,) * len(self.study.objectives)

    def _rank(self, values: _Values) -> float:
        """The less, the better."""
        first = values[0]
        if first is None:
            return float("inf")
        return -first if self.study.objectives[0].maximised else first


def _place(phase: str, name: str, search: int, cell: Mapping[str, str]) -> _Place:
    return phase, name, search, tuple(sorted(cell.items()))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
