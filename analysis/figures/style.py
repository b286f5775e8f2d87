"""How figures look: one palette that survives colour blindness and grey, one size of text, one frame."""

import io
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from analysis.figures.marks import Marks, tagged, untagged

INK, MUTED, LINE, PAPER = "#1c2127", "#646d77", "#d9dee4", "#fdfdfe"
# After Okabe and Ito, darkened until each reads on white; the page swaps them for lighter ones on dark paper.
COLOURS = ("#0a6aa6", "#c2540a", "#0b8261", "#a84b82", "#8a6a00", "#4a5bb5", "#a33b3b", "#4f6d7a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)))

_VARIABLES = {INK: "--ink", MUTED: "--muted", LINE: "--line", PAPER: "--paper"} | {
    colour: f"--series-{index}" for index, colour in enumerate(COLOURS)
}

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A drawn figure: `description` says in words what can be seen, `section` is the part of the page it belongs to,
    `caption` helps to read it, `marks` say in the page what its parts mean."""

    name: str
    title: str
    description: str
    section: str
    canvas: Canvas
    caption: str = ""
    marks: Marks = field(default_factory=Marks)

    def svg(self) -> str:
        """A stand-alone SVG with title and description."""
        return _described(untagged(self._raw_svg), self)

    def inline_svg(self) -> str:
        """The SVG to stand inside a page: unique ids, colours that follow the page's scheme, and marks."""
        text = _described(tagged(self._raw_svg), self)
        text = text[text.index("<svg") :]
        # Its rule for every element would reach the whole page, which has the same one for figures.
        text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
        text = re.sub(r'(\bid="|xlink:href="#|url\(#|aria-labelledby=")', rf"\g<1>{self.name}-", text)
        text = text.replace(f'{self.name}-title desc"', f'{self.name}-title {self.name}-desc"')
        for colour, variable in _VARIABLES.items():
            text = text.replace(colour, f"var({variable})")
        text = text.replace("</svg>", f"{self.marks.svg(self.canvas)}</svg>")
        # The page gives the width; the height follows from the view box.
        return re.sub(r'<svg ([^>]*?)width="([\d.]+)pt"', r'<svg \1data-width="\2"', text, count=1)

    def pdf(self) -> bytes:
        """A PDF with embedded fonts."""
        stream = io.BytesIO()
        with matplotlib.rc_context(_STYLE):
            FigureCanvasPdf(self.canvas).print_pdf(stream, metadata={"Title": self.title, "CreationDate": None})
        return stream.getvalue()

    @cached_property
    def _raw_svg(self) -> str:
        stream = io.StringIO()
        with matplotlib.rc_context(_STYLE):
            FigureCanvasSVG(self.canvas).print_svg(
                stream, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
            )
        return stream.getvalue()


def _described(svg: str, figure: Figure) -> str:
    head = f"<title id={quoteattr('title')}>{escape(figure.title)}</title>"
    head += f"<desc id={quoteattr('desc')}>{escape(figure.description)}</desc>"
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg [^>]*?)height="[\d.]+pt"', r"\1", svg, count=1)
    return re.sub(
        r"(<svg [^>]*)>", rf'\1 role="img" aria-labelledby="title desc">{head.replace(chr(92), "")}', svg, count=1
    )


def style() -> Any:
    """The context in which figures are drawn."""
    return matplotlib.rc_context(_STYLE)


def new_canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Canvas, list[Axes]]:
    """A canvas in inches with its axes, row by row."""
    canvas = Canvas(figsize=(width, height))
    axes = canvas.subplots(rows, columns, squeeze=False, **options)
    return canvas, [ax for row in axes for ax in row]


def look(index: int) -> dict[str, Any]:
    """Colour, marker and dash of the series at `index`: in grey, no two of 32 lines and no two of 16 points look alike.

    Every second round of colours has hollow markers.
    """
    turn, place = divmod(index, len(COLOURS))
    looks: dict[str, Any] = {
        "color": COLOURS[place],
        "marker": MARKERS[(place + 2 * (turn // 2)) % len(MARKERS)],
        "linestyle": DASHES[(index // 2 + turn) % len(DASHES)],
    }
    return looks | ({"markerfacecolor": "none"} if turn % 2 else {})


def score_axis(axis: Any) -> None:
    """Writes the values of an axis as scores: .798."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: _score(value)))


def _score(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    text = text if text not in ("-0", "") else "0"
    return text.replace("-", "\N{MINUS SIGN}").replace("0.", ".", 1) if abs(value) < 1 and value else text
