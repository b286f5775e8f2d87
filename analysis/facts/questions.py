"""Values per question of every arm, read once per run."""

from dataclasses import replace

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Facts, Place
from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import (
    QuestionTable,
    SettingRows,
    average,
    over_benchmarks,
    over_settings,
)
from study.records import CollectionRecord
from trainables.evaluation.metric_name import OVERALL_SETTINGS


class Questions:
    """The per-query files of the arms of a report; a run whose file is missing or damaged is left out.

    `problems` says in sentences what could not be read or compared.
    """

    def __init__(self, facts: Facts) -> None:
        self._benchmarks = facts.benchmarks
        self._collections = facts.collections
        self._tables: dict[str, dict[Place, QuestionTable]] = {}
        self.problems: list[str] = []

    def table(self, arm: Arm, place: Place) -> QuestionTable | None:
        """The values of an arm by seed, question and cell; None if no run has any.

        Where the search was repeated the "seeds" are the searches, each the mean over its seeds: the outermost unit.
        An arm with parts has the mean over these; None if one of them has no values, or they share no seed.
        """
        if arm.parts:
            return self._average(arm, place)
        table = self.by_seed(arm, place)
        return table if table is None or arm.searches == 1 else table.grouped(arm.search_of)

    def by_seed(self, arm: Arm, place: Place) -> QuestionTable | None:
        """The same of an arm without parts, by seed in any case."""
        # Arms with identical training have the same runs: their files are read once.
        key = "|".join(run.location for run in arm.runs)
        if key not in self._tables:
            self._tables[key] = self._read(arm)
        return self._tables[key].get(place)

    def comparable(self, first: Arm, second: Arm, place: Place) -> bool:
        """Whether both arms have values for the same questions and share a seed; says so among the problems if not."""
        one, other = self.table(first, place), self.table(second, place)
        if one is None or other is None:
            return False
        if not one.asks_the_same(other):
            problem = f"{first.label} and {second.label} were judged on different queries of {place.benchmark}"
        elif not set(one.seeds) & set(other.seeds):
            problem = f"{first.label} and {second.label} share no seed with values per question on {place.benchmark}"
        else:
            return True
        self.says(f"{problem}: they are not compared.")
        return False

    def says(self, problem: str) -> None:
        """Names a problem once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def _average(self, arm: Arm, place: Place) -> QuestionTable | None:
        tables = [table for part in arm.parts if (table := self.table(part, place)) is not None]
        if len(tables) < len(arm.parts):
            return None
        try:
            return average(tables)
        except StatisticsError:
            return None

    def _read(self, arm: Arm) -> dict[Place, QuestionTable]:
        found = ((run.seed, run.per_query()) for run in arm.runs)
        frames = {seed: frame for seed, frame in found if frame is not None and len(frame)}
        tables = {}
        for benchmark in self._benchmarks:
            held = {seed: frame[frame["benchmark"] == benchmark.name] for seed, frame in frames.items()}
            places = [place for place in benchmark.places if place.setting != "overall"]
            rows = {setting: SettingRows.of(held, setting) for setting in {place.setting for place in places}}
            for place in places:
                measured = rows[place.setting].having(place.measure.name)
                if not measured.runs:
                    continue
                try:
                    table = measured.table(place.measure.name)
                    tables[place] = table.repeated(arm.repeated) if arm.repeated else table
                except StatisticsError as error:
                    self.problems.append(f"{arm.label} on {benchmark.name}: {error}")
            self._add_overall(tables, benchmark)
        for benchmark in self._benchmarks:
            if benchmark.name in self._collections:
                self._add_means(tables, benchmark, self._collections[benchmark.name])
        return tables

    def _add_means(self, tables: dict[Place, QuestionTable], of: Benchmark, collection: CollectionRecord) -> None:
        """Adds the means over the members of a collection, where all of them have values."""
        for place in of.places:
            members = {name: tables.get(replace(place, benchmark=name)) for name in collection.members}
            held = {name: table for name, table in members.items() if table is not None}
            if len(held) == len(members):
                try:
                    tables[place] = over_benchmarks(held, share_questions=collection.shares_questions)
                except StatisticsError as error:
                    self.problems.append(f"{of.name}: {error}")

    def _add_overall(self, tables: dict[Place, QuestionTable], benchmark: Benchmark) -> None:
        """Adds the overall value, where the benchmark has one and every setting of it has values."""
        places = [Place(benchmark.name, setting, benchmark.measure) for setting in OVERALL_SETTINGS]
        held: dict[str, QuestionTable] = {place.setting: tables[place] for place in places if place in tables}
        if "overall" not in benchmark.summaries or len(held) < len(places):
            return
        try:
            tables[Place(benchmark.name, "overall", benchmark.measure)] = over_settings(held)
        except StatisticsError as error:
            self.problems.append(f"{benchmark.name}, overall: {error}")
