"""How figures look: one palette that survives colour blindness and grey, one size of type, one frame.

Figures are Vega-Altair charts. A chart is drawn twice: on paper with the colours below, and in the page with the
variables of its style sheet, so that it follows light and dark.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.render.table import Table, format_cell, format_interval

if TYPE_CHECKING:
    import altair as alt

WIDTH = 640
"""Pixels that a figure takes beside its axis, as a rule: with its labels about the width of a page of A4."""
ROW = 17
"""Pixels of a row with a label."""
FAINT = 0.15
"""Opacity of what is not highlighted."""
ROWS = "rows"
"""What the data of a figure are called in its specification."""


@dataclass(frozen=True)
class Palette:
    """Colours and font: of type, of what matters less, of lines, of what stands behind, of series."""

    ink: str
    muted: str
    line: str
    paper: str
    series: tuple[str, ...]
    font: str


# After Okabe and Ito, darkened until each reads on white; the page has lighter ones for dark paper.
PRINT = Palette(
    ink="#1c2127",
    muted="#646d77",
    line="#d9dee4",
    paper="#ffffff",
    series=("#0a6aa6", "#c2540a", "#0b8261", "#a84b82", "#8a6a00", "#4a5bb5", "#a33b3b", "#4f6d7a"),
    font="DejaVu Sans, Liberation Sans, sans-serif",
)
SCREEN = Palette(
    ink="var(--ink)",
    muted="var(--muted)",
    line="var(--line)",
    paper="var(--paper)",
    series=tuple(f"var(--series-{index})" for index in range(len(PRINT.series))),
    font="system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Helvetica Neue, Arial, sans-serif",
)

QUALITY = ("#f4f8fb", "#7fb2d6", "#0a4f80", "#062c4a")
DIFFERENCE = ("#8f3a00", "#e0925c", "#fbfbfb", "#6aa9d6", "#0a4f80")
"""Colours of heat maps, the same on every paper; of differences negative orange, positive blue, as verdicts are."""

SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "triangle-down",
    "cross",
    "M-1,-.7L-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0Z",
    "M0,-1L.25,-.3L1,-.3L.4,.15L.62,.9L0,.42L-.62,.9L-.4,.15L-1,-.3L-.25,-.3Z",
)
DASHES: tuple[tuple[float, ...], ...] = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2))


@dataclass(frozen=True)
class Look:
    """How a series is drawn."""

    colour: int
    shape: str
    dash: tuple[float, ...]
    is_hollow: bool


def look(index: int) -> Look:
    """The look of the series at `index`: in grey, no two of 32 lines and no two of 16 points look alike."""
    turn, place = divmod(index, len(PRINT.series))
    shape = SHAPES[(place + 2 * (turn // 2)) % len(SHAPES)]
    return Look(place, shape, DASHES[(index // 2 + turn) % len(DASHES)], is_hollow=turn % 2 == 1)


def series(palette: Palette, names: Sequence[str], field: str = "arm", **legend: Any) -> dict[str, Any]:
    """Encodings that tell the series of `field` apart: colour, fill, shape and dash, with one legend."""
    import altair as alt

    looks = [look(index) for index in range(len(names))]
    colours = [palette.series[one.colour] for one in looks]
    shown = alt.Legend(title=None, **legend)

    def scale(values: Iterable[Any]) -> "alt.Scale":
        return alt.Scale(domain=list(names), range=list(values))

    fills = ("transparent" if one.is_hollow else colour for one, colour in zip(looks, colours, strict=True))
    return {
        "color": alt.Color(field, type="nominal", scale=scale(colours), legend=shown),
        "fill": alt.Fill(field, type="nominal", scale=scale(fills), legend=shown),
        "shape": alt.Shape(field, type="nominal", scale=scale(one.shape for one in looks), legend=shown),
        "strokeDash": alt.StrokeDash(field, type="nominal", scale=scale(one.dash for one in looks), legend=shown),
    }


def lines(encodings: Mapping[str, Any]) -> dict[str, Any]:
    """The encodings of `series` that a line has."""
    return {channel: encodings[channel] for channel in ("color", "strokeDash")}


def points(encodings: Mapping[str, Any]) -> dict[str, Any]:
    """The encodings of `series` that a point has."""
    return {channel: encodings[channel] for channel in ("color", "fill", "shape")}


def highlight(field: str) -> "alt.Parameter":
    """What the reader clicks, in the drawing or in the legend, stands out; a double click releases it.

    It must be added to a layer that has the legend's colours.
    """
    import altair as alt

    return alt.selection_point(fields=[field], bind="legend", on="click", clear="dblclick", name=f"chosen_{field}")


def emphasis(chosen: "alt.Parameter", strong: float = 1.0) -> "alt.Opacity":
    """Opacity of marks: `strong`, or faint where something else was chosen."""
    import altair as alt

    return alt.condition(chosen, alt.value(strong), alt.value(FAINT * strong))


def values(table: Table) -> list[dict[str, Any]]:
    """The rows of a table for a chart: every value, the ends of its interval, and `<key>_text` as people read it.

    Six digits are more than a drawing can show.
    """
    listed = []
    for record, row in zip(table.records(), table.rows, strict=True):
        found = {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in record.items()}
        for column, cell in zip(table.columns, row, strict=True):
            parts = (format_cell(cell, column.kind), format_interval(cell, column.kind), cell.remark)
            if column.is_number:
                found[f"{column.key}_text"] = " ".join(part for part in parts if part)
        listed.append(found)
    return listed


def rows() -> "alt.NamedData":
    """The rows of the figure, as the data of a chart."""
    import altair as alt

    return alt.NamedData(ROWS)


def once() -> "alt.Chart":
    """A chart of one row, for what is drawn once: a line at zero, a band, a remark."""
    import altair as alt

    return alt.Chart(alt.Data(values=[{}]))


def tips(table: Table, *keys: str) -> list["alt.Tooltip"]:
    """Tooltips that say the columns `keys` of a table (default: all) as its cells do."""
    import altair as alt

    return [
        alt.Tooltip(f"{column.key}_text" if column.is_number else column.key, type="nominal", title=column.label)
        for column in table.columns
        if not keys or column.key in keys
    ]


_SCORE = r"replace(format(datum.value, '.4~f'), /^(−?)0\./, '$1.')"


def score_axis(title: str | None = None, **options: Any) -> "alt.Axis":
    """An axis of scores: .798."""
    import altair as alt

    return alt.Axis(title=title, labelExpr=_SCORE, **options)


def share_axis(title: str | None = None, **options: Any) -> "alt.Axis":
    """An axis of shares: 50 %."""
    import altair as alt

    return alt.Axis(title=title, labelExpr="format(100 * datum.value, '.0f') + ' %'", **options)


def axis(unit: str, title: str | None = None, **options: Any) -> "alt.Axis":
    """The axis of a measure by its unit."""
    import altair as alt

    match unit:
        case "score" | "difference":
            return score_axis(title, **options)
        case "share":
            return share_axis(title, **options)
    return alt.Axis(title=title, format=",~r", **options)


def config(palette: Palette) -> dict[str, Any]:
    """What all figures have in common."""
    return {
        "background": "transparent",
        "font": palette.font,
        # The description and the table of the data say it better than a list of marks.
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "domainColor": palette.muted,
            "gridColor": palette.line,
            "tickColor": palette.line,
            "tickSize": 3,
            "labelColor": palette.ink,
            "labelFontSize": 11,
            "labelLimit": 320,
            "titleColor": palette.ink,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
        },
        "axisYBand": {"grid": False, "ticks": False, "domain": False},
        "axisYPoint": {"grid": False, "ticks": False, "domain": False},
        "header": {"title": None, "labelColor": palette.ink, "labelFontSize": 12, "labelFontWeight": "bold"},
        "title": {"color": palette.ink, "fontSize": 12, "anchor": "start"},
        "legend": {
            "orient": "bottom",
            "columns": 4,
            "labelColor": palette.ink,
            "labelFontSize": 11,
            "labelLimit": 240,
            "titleColor": palette.ink,
            "symbolSize": 60,
            "symbolOpacity": 1,
            "symbolStrokeWidth": 1.6,
        },
        "text": {"color": palette.ink, "fontSize": 11},
        "rule": {"color": palette.muted},
        "line": {"strokeWidth": 1.6, "strokeCap": "butt"},
        "point": {"size": 60, "strokeWidth": 1.4, "opacity": 1},
    }
