"""A figure: a chart over a table, for the page (Vega-Lite) and for papers (SVG, PDF)."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from analysis.render.style import PRINT, ROWS, SCREEN, Palette, config, values
from analysis.render.table import Table

if TYPE_CHECKING:
    import altair as alt

POINTS = 0.75
"""Of a pixel."""
WIDEST = 482
"""Points that a figure takes on paper at most: 17 cm, the text of a page of A4."""

SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of the report.

    draw: makes the chart in the colours of a palette; data: the table that it shows, for whoever cannot see it; rows:
    what is drawn of it, if that is not simply its rows; description: what can be seen, in words; caption: helps to
    read it.
    """

    name: str
    title: str
    description: str
    data: Table
    draw: Callable[[Palette], "alt.Chart"]
    caption: str = ""
    rows: Sequence[Mapping[str, Any]] | None = None

    def specification(self, palette: Palette = SCREEN) -> dict[str, Any]:
        """The chart as a Vega-Lite specification; as it stands in the page unless told otherwise."""
        from altair.utils.schemapi import debug_mode

        # A chart is checked once, as a whole: not again in print, nor each part whenever altair copies it.
        with warnings.catch_warnings(), debug_mode(False):
            # Panels side by side share what was chosen: that is what they are meant to do.
            warnings.filterwarnings("ignore", "Automatically deduplicated selection parameter")
            chart: dict[str, Any] = self.draw(palette).to_dict(validate=palette is SCREEN)
        # Beside the chart, since altair would look at every value.
        datasets = chart.get("datasets", {}) | {ROWS: self._rows}
        described = {"config": config(palette), "description": f"{self.title}. {self.description}"}
        return chart | {"datasets": datasets} | described

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self._rows

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        return list(values(self.data) if self.rows is None else self.rows)

    @cached_property
    def svg(self) -> str:
        """A stand-alone SVG with title and description."""
        return ElementTree.tostring(self._drawn, encoding="unicode")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawing in pixels."""
        return int(float(self._drawn.attrib["width"])), int(float(self._drawn.attrib["height"]))

    @cached_property
    def _drawn(self) -> ElementTree.Element:
        import vl_convert

        ElementTree.register_namespace("", SVG)
        root = ElementTree.fromstring(vl_convert.vegalite_to_svg(self.specification(PRINT)))
        root.attrib.update({"role": "img", "aria-labelledby": "title desc"})
        for place, (name, text) in enumerate((("title", self.title), ("desc", self.description))):
            element = ElementTree.Element(f"{{{SVG}}}{name}", {"id": name})
            element.text = text
            root.insert(place, element)
        return root

    def pdf(self) -> bytes:
        """A PDF with embedded fonts, no wider than a page."""
        import vl_convert

        width, height = self.size
        paper = copy(self._drawn)
        # The view box keeps what is drawn together.
        scale = min(POINTS, WIDEST / width)
        paper.attrib = {**paper.attrib, "width": f"{scale * width:g}", "height": f"{scale * height:g}"}
        found: bytes = vl_convert.svg_to_pdf(ElementTree.tostring(paper, encoding="unicode"))
        return found


def vega() -> str:
    """The JavaScript that draws specifications in the page without a network: Vega, Vega-Lite and vega-embed."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script
