"""One study as its records hold it, with the name that it has in a report, its arms and its runs by cell."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from analysis.facts.options import as_text, encoder_text, option_words
from analysis.facts.runs import Cell, Run
from study.main_arms import place_of, trainings_of
from study.records import TRIALS, ArmRecord, StudyRecord
from study.study_folder import Study
from trainables.options import flat
from trainables.records import TrialRecord

ENCODER = "encoder"
"""The option that tells cells apart even where no factor decides about it: studies of one report may differ in it."""


class StudyRecords:
    """The records of one study; `label` is its name in the report, with more of its path where names repeat."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.label = study.name

    @property
    def info(self) -> StudyRecord:
        """What was asked, and what it stood on."""
        return self.study.info

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.study.name

    @property
    def location(self) -> str:
        """The folder of the study."""
        return self.study.folder.location

    @property
    def place(self) -> str:
        """The folder of the study, written in one way only."""
        folder = self.study.folder
        return Path(folder.location).resolve().as_posix() if folder.is_local else folder.location

    @property
    def details(self) -> Iterator[tuple[str, str, str]]:
        """Settings, versions and hardware as text: (part, name, value)."""
        info = self.info
        settings = info.settings.model_dump(mode="json")
        named = {"space": info.space, "created": info.created, "git_commit": info.git_commit}
        for part, values in (
            ("study", named),
            ("settings", settings),
            ("versions", info.versions),
            ("hardware", info.hardware),
        ):
            for name, value in flat(values).items():
                yield part, name, as_text(value)

    @property
    def problems(self) -> list[str]:
        """Files that were damaged and left out, in sentences; grows as more is read."""
        return self.study.problems

    def says(self, problem: str) -> None:
        """Names a problem once."""
        if problem not in self.study.problems:
            self.study.problems.append(problem)

    # Its arms and runs.

    @property
    def arms(self) -> tuple[ArmRecord, ...]:
        """The arms in the order of the tables; empty while the search goes on."""
        return self.study.arms

    @property
    def searches(self) -> int:
        """How often the whole search was made, each time with arms of its own."""
        return self.info.settings.repeat_search

    def choices(self, name: str, cell: Cell) -> tuple[ArmRecord, ...]:
        """The arm of this name in a cell, once for every search that has chosen one."""
        return tuple(arm for arm in self.arms if arm.arm == name and self._is_of(arm, cell))

    def sources(self, name: str, cell: Cell) -> list[tuple[str, int]]:
        """The arms whose runs an arm has, with the search: itself, or the one with the same training."""
        return [(arm.same_as or name, arm.repetition) for arm in self.choices(name, cell)]

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of both phases."""
        return tuple(Run(trial, self.cell(trial.record)) for trial in self.study.trials)

    def holds(self, run: Run) -> bool:
        """Whether a run is one of this study's own."""
        return run.location == (self.study.folder / TRIALS / run.id).location

    @property
    def adds_seeds(self) -> bool:
        """Whether it was asked to give the trainings of its main comparison seeds that others lack."""
        settings = self.info.settings
        return settings.other_seeds is not None or settings.until_separable is not None

    def of_question(self, cell: Cell) -> frozenset[tuple[str, int]]:
        """The trainings that its main comparison needs in a cell, each with the search that chose it."""
        needed = trainings_of(self.info.main_comparison, self.arms)
        own = [arm for arm in self.arms if place_of(arm) in needed and self._is_of(arm, cell)]
        return frozenset((arm.arm, arm.repetition) for arm in own)

    def cell(self, record: TrialRecord) -> Cell:
        """The level of every factor in words, and the encoder of the study, unless a factor decides about it."""
        return self._in_words(record.cell)

    @cached_property
    def planned_cells(self) -> tuple[Cell, ...]:
        """The cells that the study searches, in the order of its plan; none before it has begun a trial."""
        planned = {tuple(budget.cell.items()): budget.cell for budget in self.info.branches}
        return tuple(map(self._in_words, planned.values())) if self.study.trials else ()

    def place_of(self, cell: Cell) -> int:
        """Where the arms of a cell begin among all arms."""
        return next((place for place, arm in enumerate(self.arms) if self._is_of(arm, cell)), len(self.arms))

    def levels(self, run: Run) -> str:
        """The levels of the factors of this study that a run belongs to; empty if it has no factor."""
        return ", ".join(run.cell[option_words(factor.name)] for factor in self.info.factors)

    def encoder_fingerprint(self, name: str) -> str:
        """Equal for equal encoders: their options, and the files that they are loaded from."""
        return json.dumps(
            [
                [one.config.model_dump(mode="json"), dict(one.files)]
                for one in self.info.encoders
                if one.config.name == name
            ],
            sort_keys=True,
        )

    def _in_words(self, levels: Mapping[str, str]) -> Cell:
        worded = {option_words(name): level for name, level in levels.items()}
        return worded if self._crosses_encoders else {option_words(ENCODER): self._encoder, **worded}

    @cached_property
    def _encoder(self) -> str:
        """The encoder of a study, or all of them where they are searched; arms from outside may bring others."""
        given = {arm.arm for arm in self.arms if arm.role == "fixed"}
        found = {trial.config.encoder.name for trial in self.study.trials if trial.record.arm not in given}
        return ", ".join(sorted(map(encoder_text, found)))

    @cached_property
    def _crosses_encoders(self) -> bool:
        patched = {key for factor in self.info.factors for level in factor.levels for key in level.options}
        return any(key.split(".")[0] == ENCODER for key in patched)

    def _is_of(self, arm: ArmRecord, cell: Cell) -> bool:
        return all(cell.get(option_words(name)) == level for name, level in arm.cell.items())
