"""What a section of the report is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.findings.findings import Findings
from analysis.render.table import Table

if TYPE_CHECKING:
    from analysis.render.figure import Figure


def _nothing(findings: Findings) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Section:
    """A part of the report under one heading.

    Each function takes the findings and returns what the section shows; what has no rows is left out, and a section
    without tables and figures as well.

    key: its name in files and links; lead: what it shows, in a line or two; sentences: what it adds to the answer of
    the report.
    """

    key: str
    title: str
    lead: str
    tables: Callable[[Findings], Iterable[Table]] = _nothing
    figures: Callable[[Findings], Iterable["Figure"]] = _nothing
    sentences: Callable[[Findings], Iterable[str]] = _nothing
