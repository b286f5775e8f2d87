"""What a study leaves on disk: all that its analysis sees of it.

One class per file, used for writing and for reading; docs/records.md is made from them. Every JSON file carries the
checksum of its own content (`trainables.sealed`), the result of a trial those of all other files of the trial.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from search_spaces.space import About, Role
from study.settings import StudySettings
from trainables.config import TrialConfig
from trainables.encoders.registry import AnyEncoder
from trainables.evaluation.efficiency.records import EfficiencyRecord
from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.tie_rule import TieRule
from trainables.records import PER_QUERY, RELEVANT_RANKS, Record
from trainables.sealed import checksum

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
    objectives: Annotated[tuple[ObjectiveRecord, ...], Field(min_length=1)]
    """dev metrics that choose parameters; the first one decides; with several, the trials of the Pareto front become
    arms as well"""
    main_comparison: tuple[str, str] | None
    """the two arms that the question is about; null where `--arms` or `--without` left one of them out"""
    about: About = "arms"
    """what it asks of them: which is better; choice: which ratio is chosen for the first of them, and which others it
    can be told from; survival: at which levels of a factor; change: how their difference changes over the levels;
    levels: what the levels change in each of them"""
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

    @property
    def identity(self) -> str:
        """The same however often the study is resumed, or moved; another one for another study of this name."""
        fixed = [self.name, self.created, self.settings.storage, self.settings.search_seed, self.hardware]
        return checksum(fixed)[:12]


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
