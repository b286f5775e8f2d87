"""Columns and cells that several sections share."""

from analysis.facts.arms import Arm
from analysis.facts.facts import Estimate, Facts
from analysis.render.table import Cell, Column, Kind, Mark
from trainables.evaluation.measures.record import MeasureRecord, Unit

ALPHA = "\N{GREEK SMALL LETTER ALPHA}"

KINDS: dict[Unit, Kind] = {"score": "score", "ranks": "rank", "share": "share", "count": "count"}
"""How values of a unit are written; those of any other as scores."""


def slug(text: str) -> str:
    """A name as it may stand in a file name or a column key.

    >>> slug("xquad-r/multilingual/map")
    'xquad_r_multilingual_map'
    """
    return "".join(character if character.isalnum() else "_" for character in text.lower()).strip("_")


def estimate_cell(found: Estimate | None, mark: Mark = "", kind: Kind | None = None) -> Cell:
    """A cell with mean and interval, missing if nothing was found."""
    return Cell(None) if found is None else Cell(found.mean, found.low, found.high, mark, kind)


def interval_cell(value: float, interval: tuple[float, float] | None, kind: Kind | None = None) -> Cell:
    """A cell with a value and its interval, if it has one."""
    low, high = interval or (None, None)
    return Cell(value, low, high, kind=kind)


def arm_columns(facts: Facts) -> list[Column]:
    """The columns that name an arm: its own name and the levels of the factors that vary."""
    return [Column("arm", "Arm"), *(Column(slug(factor), factor.capitalize()) for factor in facts.factors)]


def arm_cells(facts: Facts, arm: Arm) -> list[str]:
    """What these columns hold."""
    return [arm.title, *(arm.cell.get(factor, "") for factor in facts.factors)]


def chosen_ratio(arm: Arm) -> str:
    """The ratio that the search chose for an arm, with its parameters: `α linear 0.9 → 0.2`."""
    ratios = "; ".join(dict.fromkeys(chosen.description for chosen in arm.choices))
    return ratios if ALPHA in ratios else f"{ALPHA} {ratios}"


def measure_kind(measure: MeasureRecord) -> Kind:
    """How values of a measure are written."""
    return KINDS.get(measure.unit, "score")


def difference_kind(measure: MeasureRecord) -> Kind:
    """How differences of a measure are written."""
    return "ranks" if measure.unit == "ranks" else "difference"
