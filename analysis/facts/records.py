"""One study, read from its records: what was asked, what it stood on, where it stands, its arms and runs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.facts.runs import Run
from analysis.facts.schedules import Schedule, as_text, flat, schedule
from study.records import Study

DEFAULT_OBJECTIVE = "multilingual/map"


@dataclass(frozen=True)
class ArmRecord:
    """What a study says about one of its arms.

    role: `strategy`, `static`, `dynamic` or `control`; of: the arm that a control belongs to; same_as: another arm with
    the same training, whose runs count for both; fingerprint: equal for arms that are the same training.
    """

    name: str
    role: str = ""
    of: str = ""
    same_as: str = ""
    chosen_from: str = ""
    description: str = ""
    schedule: Schedule | None = None
    mean_ratio: float | None = None
    learning_rate: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Corpus:
    """Evaluation data; None where a number was not recorded."""

    name: str
    languages: tuple[str, ...] = ()
    questions: int | None = None
    queries: int | None = None
    candidates: int | None = None
    fingerprint: str = ""
    metric_definition: str | int | None = None


@dataclass(frozen=True)
class TrainingSet:
    """A training set; `left_out` says why it was not used."""

    name: str
    items: int | None
    left_out: str


@dataclass(frozen=True)
class Encoder:
    """The encoder, as far as the methods paragraph names it; fingerprint: equal for equal encoders."""

    pooling: str
    max_query_length: int | None
    max_passage_length: int | None
    fingerprint: str


@dataclass(frozen=True)
class SearchSettings:
    """How the search was steered; empty or None where it was not recorded."""

    sampler: str
    seed: int | None
    learning_rate: float | None
    early_stopping: str


@dataclass(frozen=True)
class Objective:
    """A dev metric that chooses parameters."""

    metric: str
    maximised: bool


class StudyRecords:
    """The records of one study; `label` is what the study is called in the report."""

    def __init__(self, study: Study, label: str = "") -> None:
        self._study = study
        self._info: Mapping[str, Any] = study.info
        self.label = label or study.name

    # What was asked.

    @property
    def name(self) -> str:
        """Name of the study."""
        return self._study.name

    @property
    def location(self) -> str:
        """The folder of the study."""
        return self._study.folder.location

    @property
    def place(self) -> str:
        """The folder of the study, written in one way only."""
        folder = self._study.folder
        return Path(folder.location).resolve().as_posix() if folder.is_local else folder.location

    @property
    def question(self) -> str:
        """The question in words."""
        return str(self._info.get("question", ""))

    @property
    def space(self) -> str:
        """Name of the search space."""
        return str(self._info.get("space"))

    @property
    def main_comparison(self) -> tuple[str, ...]:
        """The two arms that the question is about; empty if it names none."""
        return tuple(str(name) for name in self._info.get("main_comparison") or ())

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The dev metrics that chose; the first one decides."""
        held = self._info.get("objective") or [{}]
        return tuple(
            Objective(str(one.get("metric", DEFAULT_OBJECTIVE)), one.get("direction", "maximize") != "minimize")
            for one in (held if isinstance(held, list) else [held])
        )

    @cached_property
    def planned_trials(self) -> Mapping[str, int]:
        """Search trials that were planned, by branch."""
        return {name: int(budget.get("trials", 0)) for name, budget in self._info.get("families", {}).items()}

    @property
    def search_settings(self) -> SearchSettings:
        """How the search was steered."""
        rate = self._settings.get("learning_rate")
        return SearchSettings(
            sampler=str(self._settings.get("sampler") or ""),
            seed=self._settings.get("search_seed"),
            learning_rate=None if not rate else float(rate),
            early_stopping=str(self._settings.get("early_stopping") or ""),
        )

    @property
    def adds_seeds_until_separable(self) -> bool:
        """Whether seeds are added until the main comparison has a verdict."""
        return bool(self._settings.get("until_separable"))

    @property
    def keeps_overlap(self) -> bool:
        """Whether training items that share text with a benchmark were kept."""
        return bool(self._settings.get("keep_overlap"))

    @property
    def seen_at(self) -> tuple[int, ...]:
        """Numbers of seeds whose results could be seen before more were added."""
        return tuple(self._info.get("seen_at") or ())

    @property
    def _settings(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._info.get("settings", {})
        return found

    # What it stood on.

    @property
    def encoder(self) -> Encoder:
        """The encoder."""
        held: Mapping[str, Any] = self._info.get("encoder") or {}
        # The times of an encoder's files change when the folder is copied.
        known = {key: value for key, value in held.items() if key != "description"}
        known["files"] = {name: list(found)[:1] for name, found in held.get("files", {}).items()}
        return Encoder(
            pooling=str(held.get("pooling") or ""),
            max_query_length=held.get("max_query_length"),
            max_passage_length=held.get("max_passage_length"),
            fingerprint=json.dumps(known, sort_keys=True),
        )

    @property
    def training_sets(self) -> tuple[TrainingSet, ...]:
        """The training sets that were given."""
        return tuple(
            TrainingSet(str(one.get("name")), one.get("items"), str(one.get("left_out") or ""))
            for one in self._training_data.get("sets", ())
        )

    @property
    def training_languages(self) -> tuple[str, ...]:
        """The languages of the training data."""
        return tuple(str(language) for language in self._training_data.get("languages", ()))

    @property
    def training_fingerprint(self) -> str:
        """Equal for equal training data."""
        return str(self._training_data.get("fingerprint") or "")

    @cached_property
    def dev_sets(self) -> tuple[Corpus, ...]:
        """The dev set, or several."""
        held: Mapping[str, Any] = self._data.get("dev") or {}
        # The dev set stands alone or, where there are several, by name.
        named = {str(held.get("name", "dev")): held} if "fingerprint" in held else held
        return tuple(_corpus(name, info) for name, info in named.items() if isinstance(info, Mapping))

    @cached_property
    def benchmarks(self) -> Mapping[str, Corpus]:
        """The test benchmarks by name."""
        return {name: _corpus(name, info) for name, info in self._data.get("benchmarks", {}).items()}

    @cached_property
    def overlaps(self) -> tuple[tuple[str, str, int], ...]:
        """Training items that share text with evaluation data: (training set, benchmark, items)."""
        return tuple(_overlaps(self._data.get("overlap")))

    @property
    def looked_for_overlap(self) -> bool:
        """Whether training text was compared with evaluation text."""
        return bool(self._data.get("overlap"))

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of packages by name."""
        return self._info.get("versions") or {}

    @property
    def commit(self) -> str:
        """Commit of this project."""
        return str(self._info.get("git_commit") or "")

    @property
    def details(self) -> Iterator[tuple[str, str, str]]:
        """Settings, versions and hardware as text: (part, name, value)."""
        named = {key: self._info.get(key) for key in ("space", "created", "git_commit")}
        for part, values in (
            ("study", named),
            *((p, self._info.get(p, {})) for p in ("settings", "versions", "hardware")),
        ):
            for name, value in flat(values or {}).items():
                yield part, name, as_text(value)

    @property
    def _data(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._info.get("data", {})
        return found

    @property
    def _training_data(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._data.get("training", {})
        return found

    # Where it stands.

    @property
    def state(self) -> str:
        """`running`, `complete`, `interrupted` or `budget`."""
        return str(self._study.status.get("state"))

    @property
    def phase(self) -> str:
        """`search` or `confirm`."""
        return str(self._study.status.get("phase"))

    @property
    def ended_of_planned(self) -> tuple[int, int]:
        """Trials of the phase that have ended, and that were planned (0: not known)."""
        counts: Mapping[str, Any] = self._study.status.get("trials", {}).get(self.phase, {})
        return int(counts.get("done", 0)), int(counts.get("planned", 0))

    @property
    def problems(self) -> list[str]:
        """Files that were damaged and left out, in sentences; grows as more is read."""
        return self._study.problems

    def says(self, problem: str) -> None:
        """Names a problem once."""
        if problem not in self._study.problems:
            self._study.problems.append(problem)

    # Its arms and runs.

    @cached_property
    def arms(self) -> tuple[ArmRecord, ...]:
        """The arms in the order of the tables; empty while the search goes on."""
        return tuple(_arm(record) for record in self._study.arms)

    def arm(self, name: str) -> ArmRecord | None:
        """The arm of this name; None if the study has none."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def source(self, name: str) -> str:
        """The arm whose runs an arm has: itself, or the one with the same training."""
        found = self.arm(name)
        return name if found is None else found.same_as or name

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of both phases."""
        return tuple(Run(trial) for trial in self._study.trials)

    def holds(self, run: Run) -> bool:
        """Whether a run is one of this study's own."""
        return run.location == (self._study.folder / "trials" / run.id).location

    # Its other files.

    def exists(self, name: str) -> bool:
        """Whether the study has a file of this name."""
        return self._study.folder.exists(name)

    def read_json(self, name: str) -> Any:
        """The content of a JSON file; FileNotFoundError, or ValueError if it is damaged."""
        return self._study.folder.read_json(name)

    def read_bytes(self, name: str) -> bytes:
        """The content of a file; FileNotFoundError if there is none."""
        return self._study.folder.read_bytes(name)


def _arm(record: Mapping[str, Any]) -> ArmRecord:
    def text(key: str) -> str:
        return str(record.get(key) or "")

    known = ("schedule", "learning_rate", "temperature", "mixing", "same_as")
    return ArmRecord(
        name=str(record["arm"]),
        role=text("role"),
        of=text("of"),
        same_as=text("same_as"),
        chosen_from=text("chosen_from"),
        description=text("description"),
        schedule=schedule(record.get("schedule")),
        mean_ratio=record.get("mean_ratio"),
        learning_rate=record.get("learning_rate"),
        fingerprint=json.dumps([record.get(key) for key in known], sort_keys=True),
    )


def _corpus(name: str, info: Mapping[str, Any]) -> Corpus:
    return Corpus(
        name=name,
        languages=tuple(str(language) for language in info.get("languages", ())),
        questions=info.get("parallel_ids"),
        queries=info.get("queries"),
        candidates=info.get("candidates"),
        fingerprint=str(info.get("fingerprint", "")),
        metric_definition=info.get("metric_definition"),
    )


def _overlaps(held: Any) -> Iterator[tuple[str, str, int]]:
    """Reads a list of records or a mapping set -> benchmark -> count."""
    if isinstance(held, Mapping):
        for set_name, counts in held.items():
            for benchmark, count in (counts if isinstance(counts, Mapping) else {"": counts}).items():
                dropped = count.get("dropped", 0) if isinstance(count, Mapping) else count
                yield str(set_name), str(benchmark), int(dropped)
    elif isinstance(held, list):
        for record in held:
            count = record.get("dropped", record.get("items", 0))
            yield str(record.get("set", "")), str(record.get("benchmark", "")), int(count)
