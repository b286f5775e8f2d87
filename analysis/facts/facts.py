"""The records of a report, merged: arms with their runs, benchmarks, factors, objectives."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from analysis.facts.added_seeds import added_seeds
from analysis.facts.arms import Arm, cell_key, on_shared_seeds
from analysis.facts.measures import bias_metric, merged_measures
from analysis.facts.merging import distinct, refuse_unlike, tell_apart, trained_alike
from analysis.facts.records import StudyRecords
from analysis.facts.runs import Cell, Run
from study.benchmarks import judged_benchmarks, setting_of
from study.records import BenchmarkRecord, CollectionRecord, ObjectiveRecord
from study.study_folder import Study, open_study
from trainables.errors import UserError
from trainables.evaluation.measures.record import BOUNDS, MeasureRecord, Unit
from trainables.evaluation.measures.words import measure_named, objective_label, place_label
from trainables.evaluation.metric_name import MetricName, MetricSetting, Setting
from trainables.storage import Folder

CellKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; a single seed has none."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


def estimate(values: Iterable[float], unit: Unit | None = None) -> Estimate | None:
    """Mean and Student's t interval over seeds, within what the unit allows; None without values, no interval for a
    single one.
    """
    found = list(values)
    if not found:
        return None
    mean = math.fsum(found) / len(found)
    if len(found) == 1:
        return Estimate(mean, None, None, 1)
    # scipy takes most of a second to import.
    from scipy.special import stdtrit

    variance = math.fsum((value - mean) ** 2 for value in found) / (len(found) - 1)
    half = float(stdtrit(len(found) - 1, 0.975)) * math.sqrt(variance / len(found))
    least, largest = (-math.inf, math.inf) if unit is None else BOUNDS[unit]
    return Estimate(mean, max(least, mean - half), min(largest, mean + half), len(found))


@dataclass(frozen=True)
class Place:
    """Where arms are compared: a benchmark, a setting (or the mean of three) and a measure."""

    benchmark: str
    setting: MetricSetting
    measure: MeasureRecord

    @property
    def label(self) -> str:
        """The measure with its place: `mAP of xquad-r, multilingual`."""
        return place_label(self.benchmark, self.setting, self.measure)

    @property
    def metric(self) -> str:
        """Name of the summary metric."""
        if self.measure.is_bias:
            return bias_metric(self.benchmark, self.measure.name)
        return str(MetricName(self.benchmark, self.setting, self.measure.name))


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the confirm phase, with the settings and the measure in which arms are judged.

    `summaries` are the settings and, last, the overall value, if there is one. `record` is None where no study
    describes it. `bias` are the measures of language bias by which arms are compared.
    """

    name: str
    settings: tuple[Setting, ...]
    summaries: tuple[MetricSetting, ...]
    measure: MeasureRecord
    bias: tuple[MeasureRecord, ...]
    record: BenchmarkRecord | None

    def column(self, setting: MetricSetting) -> str:
        """Name of the summary metric of a setting."""
        return str(MetricName(self.name, setting, self.measure.name))

    def cell(self, setting: Setting, query: str, pool: str | None = None) -> str:
        """Name of the summary metric of a query language, or of a pair of query and pool language, in a setting."""
        return str(MetricName(self.name, setting, self.measure.name).among(query, pool))

    def setting_of(self, objective: ObjectiveRecord) -> MetricSetting:
        """The setting of an objective, or the last one if the benchmark lacks it."""
        return setting_of(objective.metric, self.summaries, self.settings)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where arms are compared on it: its measure in every setting and overall, and bias where all
        languages compete."""
        quality = tuple(Place(self.name, setting, self.measure) for setting in self.summaries)
        return (*quality, *(Place(self.name, "multilingual", measure) for measure in self.bias))


class Facts:
    """The studies of a report, merged.

    Args:
        studies: what `study.study_folder.open_study` returns.

    Raises:
        UserError: there is no study, or two measured a benchmark of one name differently.
    """

    def __init__(self, studies: Sequence[Study]) -> None:
        if not studies:
            raise UserError("There is no study to report: name at least one study folder.")
        self.studies, self.merge_notes = distinct([StudyRecords(study) for study in studies])
        tell_apart(self.studies)
        refuse_unlike(self.studies)

    @classmethod
    def of(cls, locations: Iterable[str]) -> "Facts":
        """Opens the studies in these folders; raises UserError as `open_study` does."""
        places = list(locations)
        for place in places:
            Folder(place).check_reachable()
        return cls([open_study(place) for place in places])

    @property
    def first(self) -> StudyRecords:
        """The first study, which says what the question and the objectives are."""
        return self.studies[0]

    @property
    def name(self) -> str:
        """The labels of the studies."""
        return " + ".join(study.label for study in self.studies)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of all studies."""
        return tuple(run for study in self.studies for run in study.runs)

    def search_runs(self) -> list[Run]:
        """The runs of the search phase."""
        return [run for run in self.runs if run.phase == "search"]

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The arms in the order of the tables: by cell, then as the studies list them.

        The same arm of several studies is one arm with more seeds if the studies trained alike; otherwise each study's
        arms stand for themselves and carry the study's label.
        """
        confirm = {study: _finished(study) for study in self.studies}
        cells: dict[CellKey, Cell] = {}
        for study, found in confirm.items():
            own = {key: runs[0].cell for (*_, key), runs in found.items()}
            cells |= sorted(own.items(), key=lambda item: study.place_of(item[1]))
        names = list(dict.fromkeys(arm.arm for study in self.studies for arm in study.arms))
        levels = _levels(cells)
        arms: list[Arm] = []
        longer: set[tuple[str, str]] = set()
        for key, cell in cells.items():
            held = [study for study in self.studies if any(of == key for *_, of in confirm[study])]
            pooled = trained_alike(held, cell)
            together = [held] if pooled else [[study] for study in held]
            added = {study: found for group in together for found in [added_seeds(group, cell)] for study in group}
            for name in names:
                holders = [study for study in held if study.choices(name, cell)]
                for group in [holders] if pooled and holders else [[study] for study in holders]:
                    runs = {
                        study: [
                            run
                            for source in study.sources(name, cell)
                            for run in confirm[study].get((*source, key), [])
                        ]
                        for study in group
                    }
                    arm = self._arm(name, cell, levels[key], runs, pooled, added[group[0]])
                    if arm.runs or arm.added:
                        arms.append(arm)
                        longer |= {arm.group for study in group if study.adds_seeds}
        return tuple(on_shared_seeds(arms, self.main_comparison, longer))

    def _arm(
        self,
        name: str,
        cell: Cell,
        level: str,
        runs: Mapping[StudyRecords, list[Run]],
        pooled: bool,
        added: frozenset[int],
    ) -> Arm:
        by_seed: dict[int, Run] = {}
        twice: dict[int, None] = {}
        for held in runs.values():
            for run in held:
                if by_seed.setdefault(run.seed, run) is not run:
                    twice[run.seed] = None
        home = next(iter(runs))
        of_study = "" if pooled else f" [{home.label}]"
        label = name + (f" ({level})" if level else "") + of_study
        if twice:
            seeds = f"Seed{'s' * (len(twice) > 1)} {', '.join(map(str, sorted(twice)))} of {label}"
            verb = "occurs" if len(twice) == 1 else "occur"
            self.merge_notes.append(f"{seeds} {verb} in more than one study: the first study counts.")
        choices = home.choices(name, cell)
        if not choices:
            raise ValueError(f"{home.label} has no arm {name} in {cell}")
        if choices[0].is_untrained:
            # It has one run, whose seed says nothing.
            added = frozenset()
        return Arm(
            label=label,
            title=name + of_study,
            name=name,
            cell=cell,
            study=home.label,
            group=(level or ", ".join(cell.values()), "" if pooled else home.label),
            record=choices[0],
            choices=choices,
            searches=home.searches,
            runs=tuple(by_seed[seed] for seed in sorted(set(by_seed) - added)),
            added=tuple(by_seed[seed] for seed in sorted(added & set(by_seed))),
            diverged=tuple(sorted(_diverged(runs, name, cell) - set(by_seed))),
        )

    def rivals_in_search(self, arm: Arm) -> int:
        """Of how many search trials a "best" arm is the best: those of all schedules, or of all constants.

        Where the search was repeated, the most of one search.
        """
        study = next(study for study in self.studies if study.label == arm.study)
        roles = {"dynamic"} if arm.role == "dynamic" else {"strategy", "static"}
        branches = {one.branch for one in study.info.branches if one.role in roles}
        tried = [run for run in study.runs if run.phase == "search" and run.cell == arm.cell and run.branch in branches]
        counts = Counter(run.repetition for run in tried if run.status in ("complete", "pruned"))
        return max(counts.values(), default=0)

    @cached_property
    def factors(self) -> Mapping[str, tuple[str, ...]]:
        """The factors that have several levels, each with these in order of appearance."""
        cells = [arm.cell for arm in self.arms]
        return {
            factor: tuple(dict.fromkeys(cell[factor] for cell in cells if factor in cell)) for factor in _varied(cells)
        }

    @cached_property
    def planned_cells(self) -> tuple[Cell, ...]:
        """The cells in which studies of the question planned their arms, each once."""
        asked = [study for study in self.studies if (study.info.main_comparison or ()) == self.main_comparison]
        return tuple({cell_key(cell): cell for study in asked for cell in study.planned_cells}.values())

    def planned_cell_in_words(self, cell: Cell) -> str:
        """What tells a cell from the others of the plan: `model small, batch size 48`; empty if there are no others."""
        return ", ".join(f"{factor} {cell[factor]}" for factor in _varied(self.planned_cells) if factor in cell)

    def diverged_seeds(self, name: str, cell: Cell) -> set[int]:
        """The seeds of an arm whose training was lost in the confirm phase."""
        return _diverged(self.studies, name, cell)

    def find(self, name: str) -> Arm:
        """The arm with this label or, where it is unique, this name; raises UserError."""
        found = [arm for arm in self.arms if arm.label == name] or [arm for arm in self.arms if arm.name == name]
        if len(found) == 1:
            return found[0]
        known = ", ".join(repr(arm.label) for arm in self.arms) or "none yet"
        problem = "is ambiguous" if found else "is no arm with finished trials"
        raise UserError(f"{name!r} {problem}: the arms of {self.name} are {known}.")

    @cached_property
    def groups(self) -> list[list[Arm]]:
        """The arms that may meet: those of one cell and, unless the studies were put together, of one study."""
        groups: dict[tuple[str, str], list[Arm]] = {}
        for arm in self.arms:
            groups.setdefault(arm.group, []).append(arm)
        return list(groups.values())

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The names of all summary metrics of the confirm phase."""
        return frozenset(name for arm in self.arms for run in arm.runs for name in run.metrics)

    @cached_property
    def metric_names(self) -> tuple[MetricName, ...]:
        """The same names in parts, in the order of the alphabet; without those that follow no rule."""
        known = {one.name: one.languages for study in self.studies for one in study.info.data.benchmarks.values()}
        found = []
        for name in sorted(self.metrics):
            try:
                found.append(MetricName.parse(name, known.get(name.split("/")[0], ())))
            except ValueError as error:
                self.merge_notes.append(f"A metric was left out. {error}")
        return tuple(found)

    @cached_property
    def measures(self) -> dict[str, MeasureRecord]:
        """The measures that the studies describe, in the order of the tables."""
        return merged_measures(study.info.measures for study in self.studies)

    def measure(self, name: str) -> MeasureRecord:
        """What is known about a measure."""
        return measure_named(name, self.measures)

    @cached_property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """The benchmarks that have results, in the order of the studies."""
        records: dict[str, BenchmarkRecord] = {}
        for study in self.studies:
            records = {**study.info.data.benchmarks, **records}
        main = {n: one for study in self.studies for n, one in study.info.data.main_measures.items()}
        return tuple(
            Benchmark(
                one.name,
                one.settings,
                one.summaries,
                self.measure(one.metric),
                tuple(self._compared_bias(one.name)) if "multilingual" in one.settings else (),
                records.get(one.name),
            )
            for one in judged_benchmarks(main, self.metrics, self.measures)
        )

    @property
    def collections(self) -> dict[str, CollectionRecord]:
        """The collections of benchmarks whose means are results, by name, smaller ones first."""
        return {name: one for study in self.studies for name, one in study.info.data.collections.items()}

    def _compared_bias(self, benchmark: str) -> Iterator[MeasureRecord]:
        for measure in self.measures.values():
            can_be_compared = measure.is_bias and measure.per_query and measure.direction != "neither"
            if can_be_compared and bias_metric(benchmark, measure.name) in self.metrics:
                yield measure

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark of this name."""
        return next(one for one in self.benchmarks if one.name == name)

    def languages(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The query languages of a benchmark."""
        if benchmark.record is not None and benchmark.record.languages:
            return benchmark.record.languages
        place = MetricName(benchmark.name, benchmark.settings[-1], benchmark.measure.name)
        return tuple(n.query_language for n in self.metric_names if n.query_language and n.among() == place)

    def bias_measures(self, benchmark: Benchmark) -> list[MeasureRecord]:
        """The measures of language bias that a benchmark has, in the order of the tables."""
        return [
            one
            for one in self.measures.values()
            if one.is_bias and bias_metric(benchmark.name, one.name) in self.metrics
        ]

    @property
    def objectives(self) -> tuple[ObjectiveRecord, ...]:
        """The dev metrics that chose; the first one decides."""
        return self.first.info.objectives

    @property
    def objective(self) -> ObjectiveRecord:
        """The dev metric that decides."""
        return self.objectives[0]

    def objective_label(self, objective: ObjectiveRecord) -> str:
        """An objective as people read it: `multilingual mAP`."""
        return objective_label(objective.metric, self.measures)

    @property
    def main_comparison(self) -> tuple[str, ...]:
        """The names of the two arms that the question is about; empty if it names none."""
        return self.first.info.main_comparison or ()

    @property
    def problems(self) -> list[str]:
        """Files that were damaged and left out, and seeds that occurred twice."""
        found = [problem for study in self.studies for problem in study.problems]
        return list(dict.fromkeys([*found, *self.merge_notes]))


def _finished(study: StudyRecords) -> dict[tuple[str, int, CellKey], list[Run]]:
    """The complete runs of the confirm phase by arm, search and cell."""
    found: dict[tuple[str, int, CellKey], list[Run]] = {}
    for run in study.runs:
        if run.phase == "confirm" and run.arm is not None and run.status == "complete":
            found.setdefault((run.arm, run.repetition, cell_key(run.cell)), []).append(run)
    return found


def _diverged(studies: Iterable[StudyRecords], name: str, cell: Cell) -> set[int]:
    """The seeds of an arm whose training was lost in the confirm phase."""
    sources = {study: study.sources(name, cell) for study in studies}
    return {
        run.seed
        for study in sources
        for run in study.runs
        if run.phase == "confirm"
        and run.status == "diverged"
        and cell_key(run.cell) == cell_key(cell)
        and (run.arm, run.repetition) in sources[study]
    }


def _varied(cells: Collection[Cell]) -> list[str]:
    """The factors in which cells differ."""
    factors = dict.fromkeys(factor for cell in cells for factor in cell)
    return [factor for factor in factors if len({cell.get(factor) for cell in cells}) > 1]


def _levels(cells: Mapping[CellKey, Cell]) -> dict[CellKey, str]:
    """What tells each cell from the others; factors are named where studies have different ones."""
    varied = _varied(cells.values())
    named = any(factor not in cell for cell in cells.values() for factor in varied)
    return {
        key: ", ".join(f"{factor} {cell[factor]}" if named else cell[factor] for factor in varied if factor in cell)
        for key, cell in cells.items()
    }
