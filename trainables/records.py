"""What a trial leaves behind: one class per file, for writing and for reading.

The files of a study are in `study.records`; docs/records.md is made from both.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from numbers import Real
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from trainables.batches.kinds import KINDS, Kind
from trainables.config import TrialConfig
from trainables.evaluation.config import EvaluationConfig
from trainables.ratio.controller import ENCODED_PER_TRAINED
from trainables.ratio.references import reference_curve

TRIAL, RESULT, REPORTS, LOG = "trial.json", "result.json", "reports.jsonl", "log.jsonl"
PER_QUERY, RELEVANT_RANKS = "per_query.parquet", "relevant_ranks.parquet"

Status = Literal["complete", "pruned", "diverged", "failed"]


def now() -> str:
    """The time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Record(BaseModel):
    """What all records have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Rung(Record):
    """Early stopping: the trial ends after this step if the dev metric is below the minimum or above the maximum."""

    step: int
    """optimiser step"""
    metric: str
    """dev metric"""
    minimum: float | None = None
    """least value that goes on"""
    maximum: float | None = None
    """largest value that goes on"""

    def misses(self, value: float) -> bool:
        """Whether a trial with this value must stop; NaN always must."""
        in_bounds = (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
        return not in_bounds


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(f"{name!r} names no trial: letters, digits, . _ and - do, of which the first is no sign")
    return name


TrialName = Annotated[str, AfterValidator(_plain_name)]
"""What a trial and its folder are called: a name, which leads to no other place."""


class TrialRecord(Record):
    """What a trial will do, written before it starts: the same record always gives the same numbers."""

    id: TrialName
    """`search-<branch>-<number>` or `confirm-<arm>-<seed>`, with the levels of the factors before the branch or arm; in
    the second search of a study `search-r1-...`"""
    phase: Literal["search", "confirm"]
    """search: it helps to choose options on the dev set; confirm: an arm with a fresh seed, judged on the benchmarks"""
    branch: str | None = None
    """search phase: the branch that is searched, a strategy or a family"""
    arm: str | None = None
    """confirm phase: the arm"""
    cell: Mapping[str, str] = {}
    """level of every factor"""
    repetition: int = 0
    """which search it belongs to or chose its arm: 0, 1, ... where the search was repeated; that of a confirm seed is
    the remainder of the seed by the number of searches"""
    number: int | None = None
    """search phase: number of the trial within its branch, cell and search"""
    config: TrialConfig
    """every option of the training"""
    rungs: tuple[Rung, ...] = ()
    """where early stopping may end it; fixed before it starts, from earlier trials of its own branch"""
    sources: tuple[TrialName, ...] = ()
    """trials by id, X-X-mono and X-Y of the same seed, whose encoders it averages in place of a training; in the search
    phase the best of each"""
    is_source: bool = False
    """search phase: its encoder is kept for others that may average it"""
    also: Mapping[TrialName, EvaluationConfig] = {}
    """confirm phase: trials by id that differ from it only in how the trained encoder is judged: it writes their
    results, too, whose cost is its own"""

    @property
    def seed(self) -> int:
        """The repetition."""
        return self.config.seed


def _finite(value: Any) -> Any:
    return None if isinstance(value, Real) and not math.isfinite(value) else value


Measured = Annotated[float | None, BeforeValidator(_finite)]
"""A number that a diverged training may have lost: JSON knows no infinite ones, and null stands for them."""


class Report(Record):
    """How far a training is: one line of the file. Losses are means since the line before, null where there was no such
    batch or the value is not finite. A step may occur twice after a restart: the later line counts."""

    step: int
    """optimiser steps done"""
    steps: int
    """optimiser steps in all"""
    ratio: float
    """ratio of the last step"""
    mono_share: float
    """share of monolingual pairs so far"""
    loss: Measured
    """training loss"""
    loss_mono: Measured
    """training loss of monolingual batches"""
    loss_cross: Measured
    """training loss of cross-lingual batches"""
    learning_rate: float
    """learning rate of the last step"""
    pairs_per_second: float
    """training pairs per second since the line before"""
    tokens_per_second: float
    """tokens per second since the line before"""
    memory_gib: float | None = None
    """largest resident memory of the first worker's process so far, GiB"""
    seconds: float
    """seconds of training so far"""
    dev: dict[str, float] | None = None
    """dev metrics, where they were measured at this step"""
    explained: dict[str, Measured] | None = None
    """what may explain the results, measured with the dev metrics: gradient cosine, geometry of the embeddings"""
    signals: dict[str, Measured] | None = None
    """what a closed-loop controller saw last, by name of the signal"""


class LogLine(Record):
    """Something that a process of the trial said: one line of the file. Those of a trial's second worker are in
    log-1.jsonl, and so on."""

    time: str
    """when it was said"""
    level: str
    """debug, info, warning, error or critical"""
    logger: str
    """the module that said it"""
    message: str
    """what it said"""
    host: str
    """machine"""
    process: int
    """process id"""
    worker: int
    """worker of the trial, from 0"""
    traceback: str | None = None
    """of the error, where there was one"""


class Cost(Record):
    """What a trial took. Seconds are those of the first worker; after a restart those of the earlier runs, up to the
    checkpoint that the next one went on from, are included."""

    pairs: int = 0
    """training pairs"""
    tokens: int = 0
    """tokens of the training pairs, without padding"""
    signal_pairs: int = 0
    """pairs encoded beyond training, for a controller's signals"""
    train_seconds: float = 0.0
    """seconds of training"""
    signal_seconds: float = 0.0
    """seconds of measuring signals"""
    encode_seconds: float = 0.0
    """seconds of encoding for evaluations"""
    score_seconds: float = 0.0
    """seconds of scoring and ranking"""
    wait_seconds: float = 0.0
    """seconds of reports, checkpoints and waiting for other workers"""
    total_seconds: float = 0.0
    """seconds from start to end"""
    cpu_seconds: float = 0.0
    """processor seconds of the first worker"""
    peak_memory_gib: float = 0.0
    """largest resident memory of the first worker's process since the last start, GiB"""
    workers: int = 1
    """workers that trained together"""
    gpus: float = 0.0
    """GPUs that they held"""
    device: str = ""
    """the first worker's device"""


class BatchRecord(Record):
    """What the batches of a training held; follows from its options, its seed and its ratios."""

    pairs: int
    """training pairs"""
    items: int
    """different items among them"""
    items_in_use: int
    """items that batches could hold"""
    sets: dict[str, int]
    """pairs by training set"""
    languages: dict[str, dict[str, int]]
    """pairs by language of the question, then of the passage"""
    hard_negatives: int = 0
    """explicit negatives that queries brought along"""
    false_negatives: int
    """queries that had a text among their negatives which equals, in normal form, a passage of their own item or of an
    item with the same question, in any language"""
    item_streams: dict[int, str]
    """sha256 of the fingerprint of the training data and of the items (numbers, eight bytes each, little end first) of
    the first n steps, by n: all powers of two, and the end. Trainings that agree at every n that both have saw the same
    items in the same order, as far as both went"""


class Result(Record):
    """How a trial ended; the last file of a trial to be written, with the checksums of all others."""

    status: Status
    """pruned: stopped early; diverged: a loss that was not finite, or twice the first one and no better than chance"""
    steps: int
    """optimiser steps done"""
    metrics: dict[str, float] = {}
    """dev metrics at the end and, in the confirm phase, those of every benchmark"""
    mean_ratio: float | None = None
    """mean ratio of the steps done"""
    mono_share: float | None = None
    """share of monolingual pairs"""
    negatives_per_query: int | None = None
    """other passages among which a query must find its own; with explicit negatives, the most that there can be"""
    parameters: int | None = None
    """parameters of the encoder"""
    batches: BatchRecord | None = None
    """what its batches held; null where it failed or took no step"""
    cost: Cost = Cost()
    """what it took"""
    started: str | None = None
    """time of its last start"""
    ended: str
    """time of its end"""
    host: str
    """machine of the first worker"""
    error: str | None = None
    """why it failed"""
    ratios: tuple[float, ...] | None = None
    """closed loop only: ratio of every step; a replay schedule with these ratios repeats the training"""
    rechunked: dict[int, int] = {}
    """where memory ran out: in how many chunks a worker encoded its share of a batch, by the step (0, 1, ...) from
    which on it did; the loss is the same, and only dropout is drawn anew"""
    files: dict[str, str] = {}
    """sha256 of every other file of the trial but its logs, by name"""


class Outcome(BaseModel):
    """What the plan of a study needs to know of a finished trial."""

    model_config = ConfigDict(frozen=True)

    status: Status
    steps: int
    metrics: dict[str, float]
    dev_by_step: dict[int, dict[str, float]]
    """The dev metrics at every evaluation."""
    loss_curves: dict[Kind, tuple[float, ...]] = {}
    """The loss of each kind of batch over the training, as a reference for other trainings."""
    error: str | None = None
    pairs: int = 0
    """Training pairs spent; pairs that were only encoded, for a controller's signals, count a third."""
    ratios: tuple[float, ...] = Field(default=(), repr=False)
    """The ratio of every step of a closed-loop training."""

    @classmethod
    def of(cls, result: Result, reports: Sequence[Report]) -> "Outcome":
        """Builds the outcome from the records."""
        lines: list[dict[str, Any]] = [report.model_dump() for report in reports]
        return cls(
            status=result.status,
            steps=result.steps,
            metrics=result.metrics,
            error=result.error,
            pairs=result.cost.pairs + math.ceil(result.cost.signal_pairs / ENCODED_PER_TRAINED),
            ratios=result.ratios or (),
            dev_by_step={report.step: report.dev for report in reports if report.dev},
            loss_curves={kind: curve for kind in KINDS if (curve := reference_curve(lines, kind))},
        )
