"""Per-question values of one arm: the unit that every interval and test resamples.

>>> values = np.array([[[0.9, 0.4], [0.5, 0.2]]])  # one seed, two questions, two languages
>>> table = QuestionTable.from_cells([0], ["capital", "river"], ["de", "en"], values)
>>> table.estimate, table.own_means
(0.5, array([0.65, 0.35]))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.errors import StatisticsError

Values = NDArray[np.float64]

_GROUP = "group"
"""The column of benchmarks whose questions are not independent of each other; null in those of others."""

_MICRO = ":micro"


@dataclass(frozen=True, eq=False)
class QuestionTable:
    """One metric of one arm (or the difference of two arms), by seed, question and cell.

    A question is a `parallel_id`: all its translations are one unit, and so are all questions of a `group`. A cell is a
    (query language[, pool language]) pair. The metric of a seed is
    `sum_k weights[k] * sum_q sums[q, k] / sum_q counts[q, k]`, a weighted sum of ratios.

    sums: [seeds, questions, cells]; counts: [questions, cells], the same for every seed; weights: [cells].
    """

    seeds: tuple[int, ...]
    questions: tuple[str, ...]
    cells: tuple[str, ...]
    sums: Values
    counts: Values
    weights: Values

    def __post_init__(self) -> None:
        shape = (len(self.seeds), len(self.questions), len(self.cells))
        if self.sums.shape != shape or self.counts.shape != shape[1:] or self.weights.shape != shape[2:]:
            raise ValueError(
                f"sums {self.sums.shape}, counts {self.counts.shape}, weights {self.weights.shape}: {shape}?"
            )
        if not all(shape):
            raise ValueError(f"a table needs a seed, a question and a cell, got {shape}")
        if not (np.isfinite(self.sums).all() and np.isfinite(self.counts).all() and np.isfinite(self.weights).all()):
            raise ValueError("a table holds finite numbers only")
        if not (self.counts.sum(axis=0) > 0).all():
            raise ValueError("every cell needs a query")

    @property
    def own_means(self) -> Values:
        """Each question's mean over the seeds and over its own queries, by the weights of their cells: [questions].

        Not its value in `values`, the question's influence on the metric: where questions are in different numbers of
        languages, that can have the other sign.
        """
        means: Values = self.sums.mean(axis=0) @ self.weights / (self.counts @ self.weights)
        return means

    @classmethod
    def from_cells(
        cls, seeds: Sequence[int], questions: Sequence[str], cells: Sequence[str], values: NDArray[np.floating]
    ) -> "QuestionTable":
        """Builds the macro mean over cells from values [seeds, questions, cells], NaN where there is no such query.

        Questions and cells without any query are left out.

        Raises:
            StatisticsError: the seeds were judged on different queries, or there is no value at all.
        """
        present = ~np.isnan(values)
        strangers = (present != present[0]).any(axis=(1, 2))
        if strangers.any():
            raise _different_queries(seeds[int(strangers.argmax())], seeds[0])
        asked, filled = present[0].any(axis=1), present[0].any(axis=0)
        if not filled.any():
            raise StatisticsError(f"Seeds {list(seeds)} hold no value to compare: evaluate this metric first.")
        sums = np.where(present, values, 0.0).astype(np.float64)[:, asked][:, :, filled]
        return cls(
            tuple(seeds),
            tuple(q for q, kept in zip(questions, asked, strict=True) if kept),
            tuple(c for c, kept in zip(cells, filled, strict=True) if kept),
            sums,
            present[0][asked][:, filled].astype(np.float64),
            np.full(int(filled.sum()), 1 / int(filled.sum())),
        )

    @cached_property
    def cell_means(self) -> Values:
        """Mean over the questions of each cell: [seeds, cells]."""
        means: Values = self.sums.sum(axis=1) / self.counts.sum(axis=0)
        return means

    @property
    def seed_means(self) -> Values:
        """The metric of each seed: [seeds]."""
        return self.cell_means @ self.weights

    @property
    def estimate(self) -> float:
        """The metric, mean over seeds."""
        return float(self.seed_means.mean())

    @cached_property
    def values(self) -> Values:
        """One value per seed and question whose mean over questions is the metric of the seed: [seeds, questions].

        The metric plus the question's influence on it (linearisation of the ratios; Särndal, Swensson and Wretman 1992,
        section 5.5). Where every question has one query in every cell this is the question's mean over its queries.
        """
        scaled = self.weights * len(self.questions) / self.counts.sum(axis=0)
        influence = self.sums @ scaled - np.einsum("sk,qk->sq", self.cell_means * scaled, self.counts)
        values: Values = self.seed_means[:, None] + influence
        return values

    def of_seeds(self, seeds: tuple[int, ...]) -> "QuestionTable":
        """Returns the table of these seeds only, in this order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return replace(self, seeds=seeds, sums=self.sums[rows])

    def repeated(self, seeds: tuple[int, ...]) -> "QuestionTable":
        """Returns the table of a single seed as that of several, for what does not depend on seeds."""
        return replace(self, seeds=seeds, sums=np.repeat(self.sums[:1], len(seeds), axis=0))

    def grouped(self, group_of: Callable[[int], int]) -> "QuestionTable":
        """Returns the table whose "seeds" are groups of seeds, each the mean over its members."""
        groups = tuple(sorted(set(map(group_of, self.seeds))))
        members = np.array([[float(group_of(seed) == group) for seed in self.seeds] for group in groups])
        sums = np.tensordot(members / members.sum(axis=1, keepdims=True), self.sums, axes=1)
        return replace(self, seeds=groups, sums=sums)

    def asks_the_same(self, other: "QuestionTable") -> bool:
        """Whether both tables hold values of the same queries, so that they may be subtracted or averaged."""
        return (self.questions, self.cells) == (other.questions, other.cells) and (
            np.array_equal(self.counts, other.counts) and np.array_equal(self.weights, other.weights)
        )

    def minus(self, baseline: "QuestionTable") -> "QuestionTable":
        """Returns the differences, paired by seed, question and cell, over the seeds that both have.

        Raises:
            StatisticsError: there is no such seed, or the two were judged on different queries.
        """
        if not self.asks_the_same(baseline):
            raise StatisticsError(
                f"The two arms were judged on different queries ({int(self.counts.sum())} and "
                f"{int(baseline.counts.sum())}): compare arms of one study, judged on one version of the benchmark."
            )
        common = tuple(sorted(set(self.seeds) & set(baseline.seeds)))
        if not common:
            raise StatisticsError(
                f"The two arms share no seed ({list(self.seeds)}, {list(baseline.seeds)}): run both on the same seeds."
            )
        return replace(self, seeds=common, sums=self.of_seeds(common).sums - baseline.of_seeds(common).sums)


def average(tables: Sequence[QuestionTable]) -> QuestionTable:
    """Returns the mean of several tables by seed, question and cell, over the seeds that all have.

    What is averaged, such as the levels of a factor, is taken as given: only seeds and questions are sampled. A seed
    is one unit in all tables, since it fixes the order of the training items in all of them.

    Raises:
        StatisticsError: there is no such seed, or the tables hold values of different queries.
    """
    first, *others = tables
    if not all(first.asks_the_same(other) for other in others):
        raise StatisticsError("Arms that were judged on different queries have no common mean.")
    common = tuple(sorted(set.intersection(*(set(table.seeds) for table in tables))))
    if not common:
        raise StatisticsError("Arms that share no seed have no common mean: run all of them on the same seeds.")
    sums = np.mean([table.of_seeds(common).sums for table in tables], axis=0)
    return replace(first, seeds=common, sums=sums)


def spread_of_languages(table: QuestionTable) -> float | None:
    """Returns the standard deviation of the means of the query languages at hand, which are taken as given."""
    means = table.cell_means.mean(axis=0)
    names = [cell.rpartition(": ")[2].split("-")[0] for cell in table.cells]
    by_language = [float(np.mean(means[[name == one for name in names]])) for one in sorted(set(names))]
    return float(np.std(by_language, ddof=1)) if len(by_language) > 1 else None


def over_settings(tables: Mapping[str, QuestionTable]) -> QuestionTable:
    """Returns the mean of the metrics of several settings, over the seeds that all have.

    A question is one unit in all of them; one that a setting lacks adds nothing to its metric. Cells are named
    `setting: cell`.

    Raises:
        StatisticsError: there is no such seed.
    """
    return _side_by_side(tables)


def over_benchmarks(tables: Mapping[str, QuestionTable], *, share_questions: bool) -> QuestionTable:
    """Returns the mean of the metrics of several benchmarks, over the seeds that all have.

    Args:
        tables: by name of the benchmark.
        share_questions: whether questions of one name are one unit, or another one in every benchmark.

    Raises:
        StatisticsError: there is no such seed.
    """
    if share_questions:
        return _side_by_side(tables)
    return _side_by_side(
        {name: replace(one, questions=tuple(f"{name}: {q}" for q in one.questions)) for name, one in tables.items()}
    )


def _side_by_side(tables: Mapping[str, QuestionTable]) -> QuestionTable:
    common = tuple(sorted(set.intersection(*(set(table.seeds) for table in tables.values()))))
    if not common:
        raise StatisticsError(f"{' and '.join(tables)} share no seed: evaluate every run in all of them.")
    questions = tuple(sorted({question for table in tables.values() for question in table.questions}))
    number = {question: place for place, question in enumerate(questions)}
    sums, counts = [], []
    for table in tables.values():
        rows = [number[question] for question in table.questions]
        sums.append(np.zeros((len(common), len(questions), len(table.cells))))
        sums[-1][:, rows] = table.of_seeds(common).sums
        counts.append(np.zeros((len(questions), len(table.cells))))
        counts[-1][rows] = table.counts
    return QuestionTable(
        common,
        questions,
        tuple(f"{part}: {cell}" for part, table in tables.items() for cell in table.cells),
        np.concatenate(sums, axis=2),
        np.concatenate(counts, axis=1),
        np.concatenate([table.weights for table in tables.values()]) / len(tables),
    )


def question_table(runs: Mapping[int, pd.DataFrame], setting: str, metric: str) -> QuestionTable:
    """Builds the table of one benchmark, setting and metric from the `per_query.parquet` of each seed of one arm.

    `runs` maps a seed to its rows (one benchmark only); `metric` is a column, with the suffix `:micro` for the mean
    over queries instead of the macro mean over cells. Rows without a value are left out.

    Raises:
        StatisticsError: nothing is left, or the seeds were judged on different queries.
    """
    return SettingRows.of(runs, setting).table(metric)


@dataclass(frozen=True, eq=False)
class SettingRows:
    """The rows of one benchmark and setting of each seed of one arm; their questions are read once for all metrics."""

    setting: str
    runs: Mapping[int, "_Rows"]

    @classmethod
    def of(cls, runs: Mapping[int, pd.DataFrame], setting: str) -> "SettingRows":
        """Takes them from the `per_query.parquet` of each seed, of which `runs` holds the rows of one benchmark."""
        return cls(setting, {seed: _Rows.of(frame, setting) for seed, frame in runs.items()})

    def having(self, metric: str) -> "SettingRows":
        """Returns the seeds that hold any value of a metric."""
        return replace(self, runs={seed: rows for seed, rows in self.runs.items() if rows.has(metric)})

    def table(self, metric: str) -> QuestionTable:
        """Builds the table of a metric, as `question_table` does, and with the same errors."""
        first: _Layout | None = None
        sums = []
        for seed, rows in self.runs.items():
            layout, values = rows.laid_out(metric, seed)
            first = first or layout
            if not layout.agrees(first):
                raise _different_queries(seed, next(iter(self.runs)))
            sums.append(layout.sum(values))
        if first is None:
            raise StatisticsError(
                f"There is no finished run to compute {self.setting}/{metric} from: wait for the confirm phase."
            )
        cells = len(first.cells)
        return QuestionTable(
            seeds=tuple(self.runs),
            questions=first.questions,
            cells=first.cells,
            sums=np.stack(sums),
            counts=first.counts,
            weights=np.full(cells, 1 / cells),
        )


def _different_queries(seed: int, other: int) -> StatisticsError:
    return StatisticsError(
        f"Seed {seed} was judged on other queries than seed {other}: evaluate both on one version of the benchmark."
    )


@dataclass(frozen=True, eq=False)
class _Coded:
    """Texts as numbers, which stand for sorted names."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, texts: "pd.Series[str]") -> "_Coded":
        codes, names = pd.factorize(texts, sort=True)
        return cls(codes.astype(np.int64), tuple(names))

    def only(self, kept: NDArray[np.bool_]) -> "_Coded":
        """Returns some of the texts, with the names that are left."""
        if kept.all():
            return self
        left, codes = np.unique(self.codes[kept], return_inverse=True)
        return _Coded(codes.astype(np.int64), tuple(self.names[code] for code in left))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of one seed, benchmark and setting."""

    frame: pd.DataFrame
    setting: str

    @classmethod
    def of(cls, frame: pd.DataFrame, setting: str) -> "_Rows":
        rows = frame[frame["setting"] == setting]
        if rows["benchmark"].nunique() > 1:
            raise ValueError(f"one benchmark at a time, got {sorted(rows['benchmark'].unique())}")
        return cls(rows, setting)

    @cached_property
    def question(self) -> _Coded:
        own = self.frame["parallel_id"].astype(str)
        if _GROUP in self.frame.columns:
            own = self.frame[_GROUP].astype(object).fillna(own).astype(str)
        return _Coded.of(own)

    @cached_property
    def cell(self) -> _Coded:
        query, pool = self.frame["query_language"].astype(str), self.frame["pool_language"].astype(str)
        return _Coded.of(query + "-" + pool if self.setting in ("cross-lingual", "bilingual") else query)

    def has(self, metric: str) -> bool:
        return metric in self.frame.columns and bool(self.frame[metric].notna().any())

    def laid_out(self, metric: str, seed: int) -> tuple["_Layout", Values]:
        """The layout of the rows that have a value of a metric, and these values."""
        column = metric.removesuffix(_MICRO)
        if column not in self.frame.columns:
            raise StatisticsError(
                f"Metric {column!r} is not among the per-query columns {sorted(self.frame.columns)}: "
                "choose one of them."
            )
        values = self.frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        known = ~np.isnan(values)
        if not known.any():
            raise StatisticsError(
                f"Seed {seed} has no value of {column!r} in the {self.setting} setting: evaluate that setting first."
            )
        cell = _Coded(np.zeros(len(values), np.int64), ("all",)) if metric.endswith(_MICRO) else self.cell
        return _Layout.of(self.question.only(known), cell.only(known)), values[known]


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each row of a per-query file belongs: `slots` is the flat index (question, cell) of each row."""

    questions: tuple[str, ...]
    cells: tuple[str, ...]
    slots: NDArray[np.int64]
    counts: Values

    @classmethod
    def of(cls, question: _Coded, cell: _Coded) -> "_Layout":
        shape = len(question.names), len(cell.names)
        slots = question.codes * shape[1] + cell.codes
        counts = np.bincount(slots, minlength=shape[0] * shape[1]).astype(np.float64)
        return cls(question.names, cell.names, slots, counts.reshape(shape))

    def agrees(self, other: "_Layout") -> bool:
        return (self.questions, self.cells) == (other.questions, other.cells) and np.array_equal(
            self.counts, other.counts
        )

    def sum(self, values: Values) -> Values:
        totals = np.bincount(self.slots, weights=values, minlength=self.counts.size).astype(np.float64)
        return totals.reshape(self.counts.shape)
