"""What a study leaves on disk: all that its analysis sees of it.

One class per file, used for writing and for reading; docs/records.md is made from them. Every JSON file carries the
checksum of its own content (`trainables.sealed`), the result of a trial those of all other files of the trial.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from typing import Any, Literal, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import model_validator

from search_spaces.space import About, Role
from study.plausible import Plausible
from study.settings import StudySettings
from trainables.config import TrialConfig
from trainables.encoders.registry import AnyEncoder
from trainables.errors import UserError
from trainables.evaluation.efficiency.records import EfficiencyRecord, MeasurementRecord
from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.tie_rule import TieRule
from trainables.records import (
    PER_QUERY,
    RELEVANT_RANKS,
    REPORTS,
    RESULT,
    TRIAL,
    Record,
    Report,
    Result,
    TrialRecord,
)
from trainables.sealed import plain_json, read_sealed, unsealed, validated, write_sealed
from trainables.storage import Folder

FORMAT = 2
"""Number of the format that docs/records.md describes; a reader refuses a newer one."""

STUDY, STATUS, ARMS, DECISION, TEXTS = "study.json", "status.json", "arms.json", "stopping.json", "texts.parquet"
QRELS = "qrels"
"""Folder with the judgements of the benchmarks, `<benchmark>.qrels.gz`, where run files are kept."""
TRIALS, MEASUREMENTS = "trials", "measurements"
TEXT_COLUMNS = ("benchmark", "parallel_id", "language", "text")

STALE_AFTER_SECONDS = 300.0
"""A running study touches its status at least this often."""

COLUMNS = {
    PER_QUERY: ("benchmark", "parallel_id", "query_language", "setting", "pool_language"),
    RELEVANT_RANKS: ("benchmark", "parallel_id", "query_language", "candidate_language"),
}
"""The columns that say what the numbers in the others belong to."""

GROUP = "group"
"""One more, in benchmarks whose questions depend on each other."""


class SetRecord(Record):
    """A training set."""

    name: str
    """name of the set"""
    items: int
    """items that training may use"""
    left_out: str | None = None
    """why the set fills no batch"""
    licence: str | None = None
    """SPDX identifier or name of the licence; null for files of the user's"""
    non_commercial: bool = False
    """whether the licence forbids commercial use"""
    layout: str | None = None
    """layout of its files; null where it is built in"""
    origin: str | None = None
    """where its files were fetched from, with their commit; null for files of the user's own"""
    columns: tuple[str, ...] = ()
    """fields of its files that were read"""
    spellings: Mapping[str, tuple[str, ...]] = {}
    """how its files, or a flag, write the code of each language"""
    notes: tuple[str, ...] = ()
    """what its files hold that was left out, with how often"""


class TrainingDataRecord(Record):
    """What was trained on."""

    fingerprint: str
    """sha256 of all items"""
    languages: tuple[str, ...]
    """languages of the items"""
    groups: int | None = None
    """groups of items that are never negatives of each other"""
    groups_in_files: int | None = None
    """groups that the files name; those with a text in common were joined"""
    items_in_use: int | None = None
    """items that batches can hold; with several batch sizes, those of the largest"""
    sets: tuple[SetRecord, ...]
    """the training sets"""
    languages_left_out: tuple[tuple[str, str], ...] = ()
    """languages that fill no monolingual batch, each with the reason"""
    negatives: int = 0
    """explicit hard negatives of the items"""
    negatives_dropped: int = 0
    """explicit negatives that were none: they stand in the group of their item"""
    items_with_negatives: int = 0
    """items whose explicit negatives batches can hold"""


class BenchmarkRecord(Record):
    """A benchmark, or the dev set."""

    name: str
    """name, with which its metrics begin"""
    fingerprint: str
    """sha256 of queries, candidates and judgements"""
    metric_definition: int | None = None
    """number that changes whenever a metric of the same name would get another value"""
    ties: TieRule = "pessimistic"
    """how equal scores rank"""
    main_measure: str | None = None
    """what its authors report first, by which arms are judged; null: the study's first measure of quality"""
    queries: int
    """queries over all languages"""
    candidates: int
    """candidates over all languages"""
    languages: tuple[str, ...]
    """languages of queries and candidates"""
    parallel_ids: int
    """questions; a question in several languages counts once"""
    origin: str | None = None
    """where its files were fetched from, with their commit; null where the name says it"""
    unjudged_queries: int = 0
    """queries of its files that nobody judged, and that are left out"""
    queries_with_nothing_relevant: int = 0
    """queries that were judged, and to which nothing is relevant: they count 0"""
    remarks: tuple[str, ...] = ()
    """what else is to know of its files, in sentences: documents without text, ids that are no declared translations"""
    licence: str | None = None
    """SPDX identifier or name of the licence"""
    non_commercial: bool = False
    """whether the licence forbids commercial use"""
    references: tuple[str, ...] = ()
    """works to cite, as BibTeX entries"""


class CollectionRecord(Record):
    """Benchmarks whose mean is a result of its own."""

    members: tuple[str, ...]
    """names of benchmarks, or of smaller collections, each of which counts as one"""
    shares_questions: bool = False
    """whether questions of one id are about the same thing in all members"""


class OverlapExample(Record):
    """A training text and the evaluation text that it shares running text with."""

    training: str
    """the training text; of a long one the part that is shared"""
    evaluation: str
    """the evaluation text, likewise"""


class DataRecord(Record):
    """What was trained and judged on."""

    training: TrainingDataRecord
    """training sets"""
    dev: BenchmarkRecord
    """the dev set, which chooses"""
    benchmarks: Mapping[str, BenchmarkRecord]
    """the benchmarks, which judge, by name"""
    collections: Mapping[str, CollectionRecord] = {}
    """collections of benchmarks that were asked for, by name, smaller ones first"""
    overlap: Mapping[str, Mapping[str, int]] = {}
    """training items that share text with a benchmark, by set and benchmark; dropped unless `keep_overlap` was set"""
    overlap_negatives: Mapping[str, Mapping[str, int]] = {}
    """texts among the explicit negatives that share text with a benchmark, likewise; their items stay"""
    overlap_examples: Mapping[str, tuple[OverlapExample, ...]] = {}
    """the first of these texts, by benchmark"""

    @property
    def main_measures(self) -> dict[str, str | None]:
        """By benchmark or collection what its authors report first; null where members differ, or nothing is said."""
        found = {name: one.main_measure for name, one in self.benchmarks.items()}
        for name, collection in self.collections.items():
            of_members = {found.get(member) for member in collection.members}
            found[name] = of_members.pop() if len(of_members) == 1 else None
        return found


class ObjectiveRecord(Record):
    """A dev metric that chooses."""

    metric: str
    """name of the metric"""
    direction: Literal["maximize", "minimize"]
    """whether more or less of it is better"""

    @property
    def maximised(self) -> bool:
        """Whether more of it is better."""
        return self.direction == "maximize"


class RangeRecord(Record):
    """A searched option."""

    low: float | None = None
    """least value"""
    high: float | None = None
    """largest value"""
    log: bool = False
    """searched on a logarithmic scale"""
    options: tuple[str | int | float | bool, ...] = ()
    """values, where there is no range"""


class BranchRecord(Record):
    """The search budget of a branch in one cell and one search."""

    branch: str
    """strategy or family"""
    cell: Mapping[str, str] = {}
    """level of every factor"""
    role: Role
    """strategy, static or dynamic; control: of the best dynamic arm, tuned when the search of all others has ended"""
    trials: int
    """search trials: the same in every branch, but that all constants together get as many as all schedules"""
    pairs: int
    """training pairs of these trials"""
    searched: Mapping[str, RangeRecord] = {}
    """searched options"""


class LevelRecord(Record):
    """A level of a factor."""

    label: str
    """what it is called"""
    options: Mapping[str, Any]
    """options that make it"""


class FactorRecord(Record):
    """A factor, whose levels cross every branch."""

    name: str
    """option, or name of a bundle of options"""
    levels: tuple[LevelRecord, ...]
    """levels in order"""


class EncoderRecord(Record):
    """An encoder of the study."""

    config: AnyEncoder
    """its options"""
    files: Mapping[str, str] = {}
    """of the files of a local folder: sha256 by name"""
    references: tuple[str, ...] = ()
    """works to cite, as BibTeX entries"""


class StudyRecord(Record):
    """What was asked, and what is needed to repeat it."""

    format: Literal[2] = 2
    """number of this format"""
    name: str
    """name of the study"""
    created: str
    """time of the start"""
    space: str
    """search space"""
    question: str
    """the question that the space answers"""
    settings: StudySettings
    """what the user asked for"""
    objectives: tuple[ObjectiveRecord, ...]
    """dev metrics that choose parameters; the first one decides; with several, the trials of the Pareto front become
    arms as well"""
    main_comparison: tuple[str, str] | None
    """the two arms that the question is about; null where `--arms` or `--without` left one of them out"""
    about: About = "arms"
    """what it asks of them: which is better; survival: at which levels of a factor; change: how their difference
    changes over the levels; levels: what the levels change in each of them"""
    least_movement: float = 0.0
    """how far a dynamic arm must move its ratio, the largest less the smallest"""
    factors: tuple[FactorRecord, ...] = ()
    """what crosses every branch"""
    branches: tuple[BranchRecord, ...]
    """search budget of every branch in every cell"""
    round_size: int
    """suggestions that the search asks for at a time; part of what makes a study repeatable"""
    encoders: tuple[EncoderRecord, ...]
    """the encoders"""
    data: DataRecord
    """training sets, dev set, benchmarks"""
    measures: Mapping[str, MeasureRecord]
    """measures that were computed, by name"""
    efficiency: EfficiencyRecord | None = None
    """how efficiency is measured after the confirm phase; null where the question is about quality"""
    seen_at: tuple[int, ...] = ()
    """numbers of confirm seeds at which the study was complete before `--confirm-only` added seeds"""
    versions: Mapping[str, str]
    """versions of Python and of packages that numbers depend on"""
    git_commit: str | None
    """commit of this project, with +changes where files differ from it"""
    hardware: Mapping[str, Any]
    """processor, cores, memory, accelerators"""
    files: Mapping[str, str] = {}
    """sha256 of the other files that were written at the start, by name"""


class PhaseCounts(Record):
    """Trials of a phase."""

    planned: int
    """trials that are planned"""
    running: int = 0
    """trials that run now"""
    done: int = 0
    """trials that have ended, in whatever way"""
    failed: int = 0
    """those of them that failed or diverged"""
    pruned: int = 0
    """those of them that were stopped early"""


State = Literal["running", "complete", "interrupted", "budget", "lost"]


class StatusRecord(Record):
    """Where the study stands. One that says `running` and was not updated for five minutes was interrupted."""

    state: State
    """budget: it stopped at a budget; lost: Ray or the study's process died"""
    phase: Literal["search", "confirm", "measure"]
    """search: parameters are chosen; confirm: the chosen arms are trained with fresh seeds and judged; measure: their
    efficiency is measured, one encoder at a time"""
    updated: str
    """time of this record"""
    dashboard: str | None = None
    """address of the Ray dashboard"""
    trials: Mapping[str, PhaseCounts]
    """trials by phase; of the measure phase its measurements"""


class ArmRecord(Record):
    """One strategy, schedule, control or fixed arm at fixed options, in one cell, as it appears in the tables."""

    arm: str
    """name, the same in every cell"""
    cell: Mapping[str, str] = {}
    """level of every factor"""
    repetition: int = 0
    """the search that chose it, where the search was repeated: the arms of a name in all of them are compared as one"""
    role: Role
    """strategy; static or dynamic: best of its family; control; fixed: given from outside"""
    of: str | None = None
    """arm that a control belongs to"""
    config: TrialConfig
    """every option of its trainings, but for the seed"""
    description: str
    """its ratio in a line"""
    mean_ratio: float | None
    """mean ratio that the schedule asks for; null where it is decided in training"""
    constant_ratio: float | None
    """the ratio, where it never changes"""
    chosen_from: str | None
    """search trial whose options these are; null for a fixed arm of which nothing is searched"""
    same_as: str | None = None
    """another arm of the cell and search with identical training: its trials count for both"""
    is_untrained: bool = False
    """whether no step is trained: one trial counts for every seed"""

    @property
    def family(self) -> str:
        """The kind of its schedule."""
        return str(self.config.ratio.family)

    def is_judged_anew(self, other: "ArmRecord") -> bool:
        """Whether it has the training of another arm, and differs in how the encoder is judged alone."""
        usual = self.config.model_copy(update={"evaluation": other.config.evaluation})
        return usual == other.config and self.config != other.config


class ArmsRecord(Record):
    """The arms of the confirm phase, in the order of the tables; written when the search has ended."""

    arms: tuple[ArmRecord, ...]
    """the arms, search by search and cell by cell"""
    constants: tuple[str, ...] = ()
    """search trials of schedules that moved the ratio by less than `least_movement`: they were constants, and no
    dynamic arm was chosen from them"""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = [(arm.repetition, arm.arm, *sorted(arm.cell.items())) for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("it names an arm twice")
        return self


class DecisionRecord(Record):
    """The last look at the main comparison of a study that adds seeds until it has a verdict."""

    stop: bool
    """whether the study stops adding seeds"""
    verdict: Literal["better", "worse", "equivalent", "not separable"]
    """`arm` against `baseline`"""
    sentence: str
    """the decision in plain English"""
    arm: str
    """first arm of the main comparison"""
    baseline: str
    """second arm of the main comparison"""
    benchmark: str
    """the first benchmark; with factors the mean over all cells decides"""
    setting: str
    """the setting of the first objective"""
    metric: str
    """the measure"""
    margin: float
    """largest difference that counts as none"""
    looks: tuple[int, ...]
    """numbers of seeds that both arms had finished at every look so far; the decision rests on the last one"""
    asked: tuple[int, ...]
    """numbers of confirm seeds at every look so far; more than `looks` where some failed"""
    max_seeds: int
    """number of seeds at which the study stops in any case"""
    n_seeds: int | None = None
    """the last of `looks`; this and what follows is null where both arms are one training"""
    difference: float | None = None
    """arm minus baseline"""
    interval: tuple[float, float] | None = None
    """95 % repeated confidence interval"""
    p: float | None = None
    """p value of this look"""
    level: float | None = None
    """two-sided level that this look may use"""


@dataclass(frozen=True, eq=False)
class Trial:
    """One training run as it lies in `trials/<id>/`."""

    folder: Folder
    record: TrialRecord
    result: Result | None
    problems: list[str] = field(default_factory=list)
    plausible: Plausible = field(default_factory=lambda: Plausible({}))

    @property
    def id(self) -> str:
        """Its name among the trials."""
        return self.record.id

    @property
    def phase(self) -> str:
        """`search` or `confirm`."""
        return self.record.phase

    @property
    def seed(self) -> int:
        """The repetition."""
        return self.record.seed

    @property
    def config(self) -> TrialConfig:
        """Every option of the training."""
        return self.record.config

    @property
    def status(self) -> str:
        """How it ended, or `running`."""
        return "running" if self.result is None else self.result.status

    def reports(self) -> list[Report]:
        """Its progress by step; where a step occurs twice (after a restart) the later line counts."""
        content = self._read(REPORTS)
        by_step: dict[int, Report] = {}
        for number, line in enumerate((content or b"").splitlines(), start=1):
            try:
                report = validated(plain_json(line), Report)
                by_step[report.step] = report
            except ValueError:
                self.problems.append(f"{self.folder.location}/{REPORTS}:{number} is no report and was left out")
        return [by_step[step] for step in sorted(by_step)]

    def per_query(self) -> pd.DataFrame | None:
        """One row per query, setting and pool; None if the trial has none."""
        return self._table(PER_QUERY)

    def relevant_ranks(self) -> pd.DataFrame | None:
        """One row per query and relevant candidate; None if the trial has none."""
        return self._table(RELEVANT_RANKS)

    @cached_property
    def damaged_files(self) -> list[str]:
        """The files of a finished trial that are not what they were when it ended; every one is read, once."""
        wanted = {} if self.result is None else self.result.files
        return [name for name, checksum in wanted.items() if not self._is(name, checksum)]

    def _is(self, name: str, checksum: str) -> bool:
        try:
            return self.folder.checksum(name) == checksum
        except OSError:
            return False

    def _table(self, name: str) -> pd.DataFrame | None:
        content = self._read(name)
        if content is None:
            return None
        try:
            stored = pq.read_table(BytesIO(content), page_checksum_verification=True)
            table: pd.DataFrame = stored.to_pandas()
            _check_table(name, table)
            self.plausible.check_table(table)
            if name == PER_QUERY and self.result is not None:
                self.plausible.check_means(stored, self.result.metrics)
            return table
        except (pa.ArrowException, ValueError, OSError) as error:
            self._damaged(name, _reason(error))
            return None

    def _read(self, name: str) -> bytes | None:
        """The content of a file; None if it is not there, or not what the result says it was."""
        try:
            content = self.folder.read_bytes(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._damaged(name, _reason(error))
            return None
        wanted = self.result.files.get(name) if self.result is not None else None
        if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
            self._damaged(name, "it is not what it was when the trial ended")
            return None
        return content

    def _damaged(self, name: str, why: str) -> None:
        self.problems.append(f"{self.folder.location}/{name} is damaged and was left out ({why})")


Kind = TypeVar("Kind", bound=Record)


class Reader(Protocol):
    """What reads a record of one format."""

    def __call__(self, folder: Folder, name: str, kind: type[Kind], /) -> Kind:
        """Reads a record; raises FileNotFoundError, and ValueError with the reason for a damaged one."""


@dataclass(frozen=True, eq=False)
class Study:
    """A study folder. What is read is read once; open the study again to see later changes."""

    folder: Folder
    info: StudyRecord
    problems: list[str] = field(default_factory=list)
    reader: Reader = read_sealed
    """Reads a record of the study or of one of its trials."""
    cannot_go_on: str | None = None
    """Why the study can be reported, but not resumed."""

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.info.name

    @cached_property
    def status(self) -> StatusRecord:
        """Where the study stands; `interrupted` where a running study fell silent."""
        found = self._read(STATUS, StatusRecord)
        if found is None:
            return StatusRecord(state="interrupted", phase="search", updated=self.info.created, trials={})
        if found.state == "running" and _seconds_since(found.updated) > STALE_AFTER_SECONDS:
            return found.model_copy(update={"state": "interrupted"})
        return found

    @property
    def arms(self) -> tuple[ArmRecord, ...]:
        """The arms of the confirm phase in the order of the tables; empty while the search goes on."""
        return () if self.chosen is None else self.chosen.arms

    @cached_property
    def chosen(self) -> ArmsRecord | None:
        """What the search has chosen; None while it goes on."""
        return self._read(ARMS, ArmsRecord)

    @cached_property
    def decision(self) -> DecisionRecord | None:
        """The last decision about more seeds; None if the study made none."""
        return self._read(DECISION, DecisionRecord)

    @property
    def gaps(self) -> list[str]:
        """Sentences about the trials that a complete study should have and has not."""
        if self.status.state != "complete":
            return []
        lines = []
        for phase, counts in self.status.trials.items():
            whole = sum(t.phase == phase and t.result is not None for t in self.trials)
            if phase == "measure":
                whole = len(self.measurements)
            gone = counts.planned - whole
            if gone > 0:
                lines.append(
                    f"{gone} of {counts.planned} {phase} trials of {self.folder.location} have no whole result, but "
                    f"the study is complete: `python -m study.run --resume {self.folder.location}` runs them again."
                )
        return lines

    def texts(self) -> pd.DataFrame | None:
        """The texts of the test queries: benchmark, parallel_id, language, text; None if the study kept none."""
        try:
            content = self.folder.read_bytes(TEXTS)
            wanted = self.info.files.get(TEXTS)
            if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
                raise ValueError("it is not what it was when the study began")
            table: pd.DataFrame = pq.read_table(BytesIO(content), columns=list(TEXT_COLUMNS)).to_pandas()
            return table
        except FileNotFoundError:
            return None
        except (pa.ArrowException, ValueError, OSError) as error:
            self._says(f"{self.folder.location}/{TEXTS} is damaged and was left out ({_reason(error)})")
            return None

    @property
    def damaged_files(self) -> list[str]:
        """The files that were written at the start and are not what they were; that of texts may be deleted."""
        return [name for name, wanted in self.info.files.items() if name != TEXTS and self._checksum(name) != wanted]

    def _checksum(self, name: str) -> str | None:
        try:
            return self.folder.checksum(name)
        except OSError:
            return None

    def _says(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def arm(self, name: str, cell: Mapping[str, str]) -> ArmRecord | None:
        """The arm of this name in a cell, that of the first search that has one; None if there is no such arm."""
        return next((arm for arm in self.arms if arm.arm == name and arm.cell == cell), None)

    @cached_property
    def trials(self) -> list[Trial]:
        """All trials with a readable record, by id."""
        return list(self._trials())

    @cached_property
    def measurements(self) -> dict[str, MeasurementRecord]:
        """All measurements of efficiency with a readable record, by id."""
        folder = self.folder / MEASUREMENTS
        names = [name for name in folder.names() if name.endswith(".json") and not name.startswith(".")]
        found = (self._read(name, MeasurementRecord, folder) for name in names)
        return {one.id: one for one in found if one is not None}

    def confirm_trials(self, arm: ArmRecord) -> list[Trial]:
        """The finished trials of an arm by seed; arms with identical training share them."""
        wanted = arm.same_as or arm.arm, arm.cell, arm.repetition
        found = [
            trial
            for trial in self.trials
            if (trial.record.arm, trial.record.cell, trial.record.repetition) == wanted and trial.status == "complete"
        ]
        return sorted(found, key=lambda trial: trial.seed)

    def _trials(self) -> Iterator[Trial]:
        folder, plausible = self.folder / TRIALS, Plausible(self.info.measures)
        for name in folder.names():
            if name.startswith("."):
                continue
            inner = folder / name
            record = self._read(TRIAL, TrialRecord, inner)
            if record is None:
                continue
            known = len(self.problems)
            result = self._read(RESULT, Result, inner)
            if result is not None:
                try:
                    plausible.check_metrics(result.metrics)
                except ValueError as error:
                    self.problems.append(f"{inner.location}/{RESULT} is damaged and was left out ({error})")
            if len(self.problems) == known:
                yield Trial(inner, record, result, self.problems, plausible)

    def _read(self, name: str, kind: type[Kind], folder: Folder | None = None) -> Kind | None:
        """A record of the study, or of a trial; None if it is not there, or damaged, which is said as a problem."""
        folder = folder or self.folder
        try:
            return self.reader(folder, name, kind)
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            self.problems.append(f"{folder.location}/{name} is damaged and was left out ({_reason(error)})")
            return None

    # Writing: used by the study itself.

    def write_status(self, status: StatusRecord) -> None:
        """Says where the study stands now."""
        write_sealed(self.folder, STATUS, status)

    def write_arms(self, arms: ArmsRecord) -> None:
        """Fixes the arms of the confirm phase."""
        write_sealed(self.folder, ARMS, arms)

    def write_decision(self, decision: DecisionRecord) -> None:
        """Keeps the last decision about more seeds."""
        write_sealed(self.folder, DECISION, decision)

    def write_measurement(self, measurement: MeasurementRecord) -> None:
        """Keeps what was measured of an encoder."""
        write_sealed(self.folder / MEASUREMENTS, f"{measurement.id}.json", measurement)

    def write_trial(self, trial: TrialRecord) -> Folder:
        """Says what a trial will do, before it starts; returns its folder."""
        folder = self.trial_folder(trial)
        write_sealed(folder, TRIAL, trial)
        return folder

    def trial_folder(self, trial: TrialRecord) -> Folder:
        """Where a trial lies."""
        return self.folder / TRIALS / trial.id


def write_texts(folder: Folder, texts: pd.DataFrame) -> Mapping[str, str]:
    """Keeps the text of every test query, for whoever looks into single questions; returns its sha256 by name."""
    content = BytesIO()
    table = pa.Table.from_pandas(texts, preserve_index=False)
    pq.write_table(table, content, compression="zstd", write_page_checksum=True)
    folder.write_bytes(TEXTS, content.getvalue())
    return {TEXTS: hashlib.sha256(content.getvalue()).hexdigest()}


def write_qrels(folder: Folder, judgements: Mapping[str, bytes]) -> Mapping[str, str]:
    """Writes the judgements of every benchmark, gzipped qrels by its name; returns the sha256 by name of the file."""
    files = {f"{QRELS}/{name}.qrels.gz": content for name, content in judgements.items()}
    for name, content in files.items():
        folder.write_bytes(name, content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def create_study(folder: Folder, info: StudyRecord) -> Study:
    """Starts the records of a new study; raises UserError if the folder already holds one."""
    if folder.exists(STUDY):
        raise UserError(
            f"{folder.location} already holds a study: give another --name, or go on with it by --resume {folder.name}."
        )
    write_study(folder, info)
    return open_study(folder.location)


def write_study(folder: Folder, info: StudyRecord) -> None:
    """Writes what a study is."""
    write_sealed(folder, STUDY, info)


def open_study(location: str) -> Study:
    """Opens the records of a study; raises UserError if there is none, or one of another format."""
    folder = Folder(location)
    if not folder.exists():
        raise UserError(f"There is no folder {folder.location}: name the folder of a study.")
    if not folder.exists(STUDY):
        raise UserError(f"{folder.location} is not a study: it holds no {STUDY}; name the folder of a study.")
    try:
        content = folder.read_bytes(STUDY)
        values = plain_json(content)
        found = values.get("format") if isinstance(values, dict) else None
        if found == 1:
            # Imported late: it upgrades to the records above.
            from study.format_1 import info_of, read_record

            why = (
                "version 0.1.0 of this project wrote it (format 1): resume it with that version, or start a new study."
            )
            return Study(folder, info_of(values), reader=read_record, cannot_go_on=why)
        if found != FORMAT:
            raise UserError(
                f"{folder.location}/{STUDY} has format {found}, this version reads {FORMAT}: "
                "use the version that wrote it."
            )
        return Study(folder, unsealed(content, StudyRecord))
    except (ValueError, OSError) as error:
        raise UserError(f"{folder.location}/{STUDY} is damaged ({_reason(error)}): restore it from a copy.") from error


def newest_study(storage: str = "studies") -> str:
    """The location of the study in `storage` that was touched last; raises UserError if there is none."""
    folder = Folder(storage)
    studies = [folder / name for name in folder.names() if (folder / name).exists(STUDY)]
    if not studies:
        raise UserError(
            f"There is no study in {folder.location}: run one with `python -m study.run --space dynamic_vs_static`, "
            "or name the folder of a study."
        )
    return max(studies, key=lambda study: max(study.modified(STATUS), study.modified(STUDY))).location


def _check_table(name: str, table: pd.DataFrame) -> None:
    """Whether a Parquet file of `COLUMNS` has these, and finite or missing numbers in all others."""
    missing = [column for column in COLUMNS[name] if column not in table.columns]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for column in table.columns.difference([*COLUMNS[name], GROUP]):
        values = table[column]
        if not pd.api.types.is_numeric_dtype(values) or np.isinf(values.to_numpy(dtype=np.float64, na_value=0)).any():
            raise ValueError(f"column {column} holds other things than finite numbers")


def _reason(error: Exception) -> str:
    """An error in words, without the path that stands in the sentence already."""
    return str(error.strerror or error).lower() if isinstance(error, OSError) else str(error)


def _seconds_since(written: str) -> float:
    """Seconds since a time as `now` writes it; infinity if it is none."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds()
    except (TypeError, ValueError):
        return math.inf
