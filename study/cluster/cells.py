"""What the trials of each cell hold, where levels of a factor ask for machines of their own, and which fit together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from search_spaces.space import Cell
from study.cluster.resources import Resources
from study.read_settings import validated
from study.settings import StudySettings
from study.study_folder import Study
from trainables.errors import UserError, unknown_name

OF_A_LEVEL = ("workers_per_trial", "cpus_per_worker", "gpus_per_worker", "accelerator_type", "resource")
"""The settings that a level may have of its own."""


@dataclass(frozen=True)
class CellResources:
    """What the trials of a study hold, by cell."""

    by_cell: Mapping[str, Resources]
    """By the label of the cell."""
    most: int | None = None
    """Trials at a time, if the user limits them."""

    def of(self, levels: Mapping[str, str]) -> Resources:
        """What a trial of the cell with these levels holds."""
        return self.by_cell[Cell(levels=levels, patch={}).label]

    @property
    def kinds(self) -> Sequence[Resources]:
        """What trials hold, each once."""
        return list({repr(held): held for held in self.by_cell.values()}.values())

    @property
    def concurrent(self) -> int:
        """The most trials that run at a time, in whatever order they come."""
        found = sum(held.concurrent for held in self.kinds)
        return min(found, self.most or found)

    def fit(self, cells: Sequence[Mapping[str, str]]) -> bool:
        """Whether trials of these cells have room for all their workers at the same time, wherever Ray puts them.

        A worker that asks for something else takes at most so many places of workers of a kind as cover it; so this is
        sure, and may be false where Ray would find room. Insisting placements share with their own kind only.
        """
        held = [self.of(levels) for levels in cells]
        if all(one == held[0] for one in held):
            return len(held) <= min(held[0].concurrent, self.concurrent)
        if len(held) > self.concurrent or any(one.placement.startswith("STRICT") for one in held):
            return False
        return all(
            one.workers + sum(_places(one, other) for number, other in enumerate(held) if number != mine) <= one.slots
            for mine, one in enumerate(held)
        )


def of_cells(
    settings: StudySettings, cells: Sequence[Cell], resources_of: Callable[[StudySettings], Resources]
) -> CellResources:
    """Returns what the trials of each cell hold, by what `resources_of` makes of the settings for that cell.

    Raises UserError, with the level, for what is no setting of a level, and what `resources_of` raises.
    """
    found = {}
    for cell in cells:
        own = settings_of(settings, cell)
        try:
            found[cell.label] = resources_of(own)
        except UserError as error:
            if not cell.cluster:
                raise
            raise UserError(f"{cell.label}: {error}") from error
    return CellResources(found, settings.max_concurrent_trials)


def settings_of(settings: StudySettings, cell: Cell) -> StudySettings:
    """Returns the settings with what the levels of a cell ask for on a cluster. Raises UserError for what is wrong."""
    if not cell.cluster:
        return settings
    asked = {name.replace("-", "_"): value for name, value in cell.cluster.items()}
    for name in asked:
        if name not in OF_A_LEVEL:
            raise UserError(f"{cell.label}, cluster: {unknown_name('setting of a level', name, OF_A_LEVEL)}")
    origins = {name: f"{cell.label}, cluster: {name}" for name in asked}
    checked = validated(asked, origins)
    return settings.model_copy(update={name: getattr(checked, name) for name in asked})


def gpus_so_far(settings: StudySettings, cells: Sequence[Cell], study: Study) -> float | None:
    """Returns the GPUs of a worker in a study where the cluster decided them; None if no trial of such a cell has run.

    On what a trial trains must not follow the cluster that a study is resumed on.
    """
    decided = {cell.label for cell in cells if settings_of(settings, cell).gpus_per_worker is None}
    for trial in study.trials:
        cost = None if trial.result is None else trial.result.cost
        if cost is not None and cost.device and Cell(levels=trial.record.cell, patch={}).label in decided:
            return cost.gpus / cost.workers
    return None


def _places(own: Resources, other: Resources) -> int:
    """The most places for workers of a kind that a trial of another one can take."""
    there, asked = other.of_worker, own.of_worker
    # A little less than the quotient: 0.9 are three times 0.3, in floating point or not.
    return other.workers * max(ceil(there.get(name, 0) / amount - 1e-9) for name, amount in asked.items())
