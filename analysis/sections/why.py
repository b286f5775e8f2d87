"""Why: gradients and geometry of the embeddings beside the arms, at the end of training and on the way there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Estimate, Facts, estimate
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, slug
from analysis.sections.section import Section
from analysis.sections.training import curve_figure, mean_by_step
from trainables.evaluation.measures.record import Unit

if TYPE_CHECKING:
    from analysis.render.figure import Figure

MEASURED: dict[str, tuple[str, Unit | None]] = {
    "gradient_cosine": ("Gradient cosine", "difference"),
    "alignment/mono": ("Alignment, same language", None),
    "alignment/cross": ("Alignment, other languages", None),
    "uniformity": ("Uniformity", None),
    "language_identity": ("Language identity", "share"),
}
"""What is shown, with the unit whose bounds hold for it."""
DRAWN = ("gradient_cosine", "language_identity")
FIRST = "Gradient cosine, first"


def why(facts: Facts) -> Table:
    """The last values of every arm, and the first gradient cosine, mean over seeds."""
    columns = [*arm_columns(facts), Column("gradient_cosine_first", FIRST, "number")]
    columns += [Column(slug(name), label, "number") for name, (label, _) in MEASURED.items()]
    rows = []
    for arm in facts.arms:
        first, found = _at(arm, "gradient_cosine", 0), [_at(arm, name, -1) for name in MEASURED]
        if any(one is not None for one in found):
            rows.append([*arm_cells(facts, arm), *map(estimate_cell, (first, *found))])
    notes = [
        "At the last dev evaluation; first: at the first one. Gradient cosine: between the mean gradients of "
        "monolingual and of cross-lingual batches, below 0 where they pull apart. Alignment: mean squared distance of "
        "queries and relevant candidates, 0 where equal. Uniformity: the lower, the more evenly candidates fill the "
        "sphere. Language identity: share of candidates whose language has the nearest mean; 1 / languages by chance.",
        "These numbers go with the results; what causes what, they do not say.",
        seeds_note(facts),
    ]
    return make_table("why", "Gradients and geometry", columns, rows, notes)


def _at(arm: Arm, name: str, place: int) -> Estimate | None:
    """A value at the first or last dev evaluation of every seed."""
    held = [[v for one in run.progress if (v := (one.explained or {}).get(name)) is not None] for run in arm.runs]
    return estimate([values[place] for values in held if values], MEASURED[name][1])


def curves(findings: Findings) -> Iterator["Figure"]:
    """Gradient cosine and language identity of every arm by step, mean over seeds."""
    rows: list[list[Any]] = []
    for arm in without_repeats(findings.facts.arms):
        for name in DRAWN:
            runs = [[(one.step, (one.explained or {}).get(name)) for one in run.progress] for run in arm.runs]
            rows += [[arm.label, MEASURED[name][0], step, value] for step, value in mean_by_step(runs)]
    panels = {MEASURED[name][0]: "number" for name in DRAWN}
    title = "Gradients and language identity over training"
    yield from curve_figure("why", title, rows, panels, "Mean over the seeds of each arm.")


SECTION = Section(
    "why",
    "Why",
    "Whether the two kinds of batches pull the weights apart, and what that leaves of language in the embeddings.",
    tables=lambda findings: [why(findings.facts)],
    figures=curves,
)
