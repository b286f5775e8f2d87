"""What a study leaves on disk: the only door between a study and its analysis. Schema: docs/records.md."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from study.shapes import check_record, check_table
from trainables.errors import UserError
from trainables.storage import Folder

__all__ = ["DECISION", "FORMAT", "Study", "Trial", "UserError", "newest_study", "now", "open_study"]

FORMAT = 1
"""Number of the schema in docs/records.md; a reader refuses any other."""

DECISION = "stopping.json"
"""The file that holds the last decision about more seeds."""

STALE_AFTER_SECONDS = 300.0
"""A running study touches its status at least this often."""


def now() -> str:
    """The time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, eq=False)
class Trial:
    """One training run as it lies in `trials/<id>/`."""

    folder: Folder
    spec: dict[str, Any]
    result: dict[str, Any] | None
    problems: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """`search-<family>-<number>` or `confirm-<arm>-<seed>`."""
        return str(self.spec["id"])

    @property
    def phase(self) -> str:
        """`search` or `confirm`."""
        return str(self.spec["phase"])

    @property
    def family(self) -> str:
        """The branch in the search phase; the kind of schedule in the confirm phase."""
        return str(self.spec["family"])

    @property
    def arm(self) -> str | None:
        """Name of the arm in the confirm phase."""
        arm = self.spec["arm"]
        return None if arm is None else str(arm)

    @property
    def number(self) -> int | None:
        """Number of the trial in its family's search."""
        number = self.spec["number"]
        return None if number is None else int(number)

    @property
    def seed(self) -> int:
        """The repetition."""
        return int(self.spec["seed"])

    @property
    def model(self) -> str:
        """Name of the encoder."""
        return str(self.spec["model"])

    @property
    def training(self) -> dict[str, Any]:
        """Every knob of the training, as `TrainingConfig` writes it."""
        return dict(self.spec["training"])

    @property
    def status(self) -> str:
        """How it ended, or `running`."""
        return "running" if self.result is None else str(self.result["status"])

    def reports(self) -> list[dict[str, Any]]:
        """Its progress by step; where a step occurs twice (after a restart) the later line counts."""
        try:
            lines = self.folder.read_bytes("reports.jsonl").splitlines()
        except FileNotFoundError:
            return []
        by_step: dict[int, dict[str, Any]] = {}
        for number, line in enumerate(lines, start=1):
            try:
                report = json.loads(line)
                check_record("reports.jsonl", report)
                by_step[report["step"]] = report
            except ValueError:
                self.problems.append(f"{self.folder.location}/reports.jsonl:{number} is no report and was left out")
        return [by_step[step] for step in sorted(by_step)]

    def per_query(self) -> pd.DataFrame | None:
        """One row per query, setting and pool; None if the trial has none."""
        return self._table("per_query.parquet")

    def relevant_ranks(self) -> pd.DataFrame | None:
        """One row per query and relevant candidate; None if the trial has none."""
        return self._table("relevant_ranks.parquet")

    def _table(self, name: str) -> pd.DataFrame | None:
        try:
            content = self.folder.read_bytes(name)
        except FileNotFoundError:
            return None
        try:
            table: pd.DataFrame = pq.read_table(BytesIO(content)).to_pandas()
            check_table(name, table)
            return table
        except (pa.ArrowException, ValueError, OSError) as error:
            self.problems.append(f"{self.folder.location}/{name} is damaged and was left out ({error})")
            return None


@dataclass(frozen=True, eq=False)
class Study:
    """A study folder. What is read is read once; open the study again to see later changes."""

    folder: Folder
    info: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self.info["name"])

    @cached_property
    def status(self) -> dict[str, Any]:
        """Where the study stands; `state` is `interrupted` where a running study fell silent."""
        status = self._read("status.json", {"state": "interrupted", "phase": "search", "trials": {}})
        if status.get("state") == "running" and _seconds_since(status.get("updated")) > STALE_AFTER_SECONDS:
            return {**status, "state": "interrupted"}
        return dict(status)

    @cached_property
    def arms(self) -> list[dict[str, Any]]:
        """The arms of the confirm phase in the order of the tables; empty while the search goes on."""
        return list(self._read("arms.json", []))

    def arm(self, name: str) -> dict[str, Any] | None:
        """The arm of this name, as arms.json holds it; None if the study has no such arm."""
        return next((arm for arm in self.arms if arm["arm"] == name), None)

    def source(self, name: str) -> str:
        """The arm whose trials an arm has: itself, or the one with identical training."""
        return str((self.arm(name) or {}).get("same_as") or name)

    @cached_property
    def trials(self) -> list[Trial]:
        """All trials with a readable `trial.json`, by id."""
        folder = self.folder / "trials"
        found = (self._trial(folder / name) for name in folder.names() if not name.startswith("."))
        return [trial for trial in found if trial is not None]

    def confirm_trials(self, arm: str) -> list[Trial]:
        """The finished trials of an arm of the confirm phase by seed; arms with identical training share them."""
        name = self.source(arm)
        found = [t for t in self.trials if t.phase == "confirm" and t.arm == name and t.status == "complete"]
        return sorted(found, key=lambda trial: trial.seed)

    def _trial(self, folder: Folder) -> Trial | None:
        try:
            spec = folder.read_json("trial.json")
            check_record("trial.json", spec)
        except FileNotFoundError:
            return None
        except ValueError as error:
            self.problems.append(f"{folder.location}/trial.json is damaged and was left out ({error})")
            return None
        try:
            result = folder.read_json("result.json")
            check_record("result.json", result)
        except FileNotFoundError:
            result = None
        except ValueError as error:
            self.problems.append(f"{folder.location}/result.json is damaged and was left out ({error})")
            return None
        return Trial(folder, spec, result, self.problems)

    def _read(self, name: str, default: Any) -> Any:
        try:
            value = self.folder.read_json(name)
            check_record(name, value)
            return value
        except FileNotFoundError:
            return default
        except ValueError as error:
            self.problems.append(f"{self.folder.location}/{name} is damaged and was left out ({error})")
            return default

    # Writing: used by the study itself.

    def write_status(self, status: Mapping[str, Any]) -> None:
        """Says where the study stands now."""
        self.folder.write_json("status.json", {**status, "updated": now()})

    def write_texts(self, texts: pd.DataFrame) -> None:
        """Keeps the text of every test query, for whoever looks into single questions."""
        content = BytesIO()
        pq.write_table(pa.Table.from_pandas(texts, preserve_index=False), content, compression="zstd")
        self.folder.write_bytes("texts.parquet", content.getvalue())

    def write_arms(self, arms: Iterable[Mapping[str, Any]]) -> None:
        """Fixes the arms of the confirm phase."""
        self.folder.write_json("arms.json", list(arms))

    def write_trial(self, spec: Mapping[str, Any]) -> Folder:
        """Says what a trial will do, before it starts; returns its folder."""
        folder = self.folder / "trials" / str(spec["id"])
        folder.write_json("trial.json", spec)
        return folder


def _seconds_since(written: Any) -> float:
    """Seconds since a time as `now` writes it; infinity if it is none."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds()
    except (TypeError, ValueError):
        return math.inf


def create_study(folder: Folder, info: Mapping[str, Any]) -> Study:
    """Starts the records of a new study; raises UserError if the folder already holds one."""
    if folder.exists("study.json"):
        raise UserError(
            f"{folder.location} already holds a study: give another --name, or go on with it by --resume {folder.name}."
        )
    folder.write_json("study.json", {"format": FORMAT, **info})
    return open_study(folder.location)


def open_study(location: str) -> Study:
    """Opens the records of a study; raises UserError if there is none."""
    folder = Folder(location)
    if not folder.exists():
        raise UserError(f"There is no folder {folder.location}: name the folder of a study.")
    if not folder.exists("study.json"):
        raise UserError(f"{folder.location} is not a study: it holds no study.json; name the folder of a study.")
    try:
        info = folder.read_json("study.json")
    except ValueError as error:
        raise UserError(f"{folder.location}/study.json is damaged ({error}): restore it from a copy.") from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        found = info.get("format") if isinstance(info, dict) else None
        raise UserError(
            f"{folder.location}/study.json has format {found}, this version reads {FORMAT}: "
            "use the version that wrote it."
        )
    try:
        check_record("study.json", info)
    except ValueError as error:
        raise UserError(f"{folder.location}/study.json is damaged ({error}): restore it from a copy.") from error
    return Study(folder, info)


def newest_study(storage: str = "studies") -> str:
    """The location of the study in `storage` that was touched last; raises UserError if there is none."""
    folder = Folder(storage)
    studies = [folder / name for name in folder.names() if (folder / name).exists("study.json")]
    if not studies:
        raise UserError(
            f"There is no study in {folder.location}: run one with `python -m study.run --space dynamic_vs_static`, "
            "or name the folder of a study."
        )
    return max(studies, key=lambda study: max(study.modified("status.json"), study.modified("study.json"))).location
