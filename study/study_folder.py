"""A study folder, opened: what lies in it is read when it is asked for, checked, and told where it is damaged."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from study.plausible import Plausible
from study.records import (
    ARMS,
    COLUMNS,
    DECISION,
    FORMAT,
    GROUP,
    MEASUREMENTS,
    QRELS,
    STALE_AFTER_SECONDS,
    STATUS,
    STUDY,
    TEXT_COLUMNS,
    TEXTS,
    TRIALS,
    ArmRecord,
    ArmsRecord,
    DecisionRecord,
    StatusRecord,
    StudyRecord,
)
from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.evaluation.efficiency.records import MeasurementRecord
from trainables.inert import inert_line
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
                place = inert_line(f"{self.folder.location}/{REPORTS}:{number}")
                self.problems.append(f"{place} is no report and was left out")
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
        self.problems.append(_left_out(self.folder, name, why))


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
                place = inert_line(self.folder.location)
                lines.append(
                    f"{gone} of {counts.planned} {phase} trials of {place} have no whole result, but the study is "
                    f"complete: `python -m study.run --resume {place}` runs them again."
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
            self._says(_left_out(self.folder, TEXTS, _reason(error)))
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
                    self.problems.append(_left_out(inner, RESULT, str(error)))
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
            self.problems.append(_left_out(folder, name, _reason(error)))
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


def _left_out(folder: Folder, name: str, why: str) -> str:
    """The sentence about a damaged file, whose name may be anybody's."""
    return inert_line(f"{folder.location}/{name} is damaged and was left out ({why})")


def _reason(error: Exception) -> str:
    """An error in words, without the path that stands in the sentence already."""
    return str(error.strerror or error).lower() if isinstance(error, OSError) else str(error)


def _seconds_since(written: str) -> float:
    """Seconds since a time as `now` writes it; infinity if it is none."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds()
    except (TypeError, ValueError):
        return math.inf
