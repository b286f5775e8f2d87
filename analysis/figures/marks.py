"""What drawn things mean: the texts that the page shows for them, and the names by which they belong together."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.artist import Artist
from matplotlib.cbook import flatten
from matplotlib.figure import Figure as Canvas
from matplotlib.legend import Legend
from matplotlib.offsetbox import HPacker, TextArea

from analysis.findings import Estimate
from analysis.render.table import Kind, format_cell, format_interval
from analysis.tables.results import estimate_cell

STOPS = 12
"""Points of a line that can be read one by one."""

MOST_TRIALS = 150
"""Search trials of a figure that can be read one by one: the best ones."""

_VERTICES = 60
_PADDING = 2.5
_PREFIX = "of"
_TAG = re.compile(rf'<g id="{_PREFIX}((?:\.\d+)+)"')


def said(found: Estimate | float, kind: Kind = "score") -> str:
    """A value as the tables write it, with its interval if it has one."""
    cell = estimate_cell(found if isinstance(found, Estimate) else Estimate(float(found), None, None, 1))
    return f"{format_cell(cell, kind)} {format_interval(cell, kind)}".rstrip()


def stops(count: int, most: int = STOPS) -> list[int]:
    """At most `most` of the places 0 to count - 1, evenly spread, with the first and the last."""
    return [int(place) for place in np.unique(np.linspace(0, count - 1, min(count, most)).round())] if count else []


@dataclass(frozen=True, eq=False)
class _Mark:
    """A place to point at: a path in data coordinates of `ax`, or the frame around `artist`."""

    text: str
    names: tuple[int, ...]
    ax: Any = None
    points: Any = None
    is_box: bool = False
    artist: Any = None

    def path(self, canvas: Canvas) -> str:
        """The path in points from the upper left corner of the canvas; empty where nothing is drawn."""
        if self.artist is not None:
            display = self.artist.get_window_extent().padded(_PADDING * canvas.dpi / 72).corners()[[0, 1, 3, 2]]
        else:
            display = self.ax.transData.transform(self.points)
        display = display[np.isfinite(display).all(axis=1)] * 72 / canvas.dpi
        if not len(display):
            return ""
        places = [f"{x:.1f} {72 * canvas.get_figheight() - y:.1f}" for x, y in display]
        # A path without length has no outline that could be hit in every browser.
        return "M" + "L".join(places) + ("z" if self.is_box else "h.1" if len(places) == 1 else "")


class Marks:
    """The marks of one figure, in the order in which a reader walks through them.

    A text has a name in its first line and values below it. Of the names of a mark the first one stands out when
    the mark is pointed at; artists that are tagged with other names only step back.
    """

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._marks: list[_Mark] = []

    @property
    def names(self) -> tuple[str, ...]:
        """All names, of arms or of other series."""
        return tuple(self._names)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of all marks."""
        return tuple(mark.text for mark in self._marks)

    def tag(self, artists: Any, *names: str) -> None:
        """Says to which names drawn artists, or containers of artists, belong."""
        gid = ".".join([_PREFIX, *map(str, self._numbers(names))])
        for artist in flatten([artists]):
            if isinstance(artist, Artist):
                artist.set_gid(gid)

    def point(self, ax: Any, x: float, y: float, text: str, *names: str) -> None:
        """Marks a point."""
        self._marks.append(_Mark(text, self._numbers(names), ax, np.array([[x, y]], dtype=float)))

    def line(self, ax: Any, x: Any, y: Any, text: str, *names: str) -> None:
        """Marks a line through points."""
        taken = stops(len(x), _VERTICES)
        points = np.array([[x[i], y[i]] for i in taken], dtype=float)
        self._marks.append(_Mark(text, self._numbers(names), ax, points))

    def box(self, ax: Any, x: tuple[float, float], y: tuple[float, float], text: str, *names: str) -> None:
        """Marks a bar or a cell from its lower to its upper ends."""
        corners = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]], dtype=float)
        self._marks.append(_Mark(text, self._numbers(names), ax, corners, is_box=True))

    def label(self, artist: Any, text: str, *names: str) -> None:
        """Tags and marks what is written: an entry of a legend, a name beside an axis."""
        self.tag(artist.findobj() if isinstance(artist, HPacker) else artist, *names)
        self._marks.append(_Mark(text, self._numbers(names), artist=artist, is_box=True))

    def legend(self, legend: Legend) -> None:
        """Tags and marks the entries of a legend by their labels."""
        for entry, name in _entries(legend):
            self.label(entry, name, name)

    def svg(self, canvas: Canvas) -> str:
        """The marks as invisible SVG paths with titles, to lie over the drawing of a canvas whose layout is done."""
        found = []
        for mark in self._marks:
            if path := mark.path(canvas):
                kind = "mark" + " box" * mark.is_box + " label" * (mark.artist is not None)
                names = f' data-of="{" ".join(map(str, mark.names))}"' if mark.names else ""
                found.append(f'<path class="{kind}"{names} d="{path}"><title>{escape(mark.text)}</title></path>\n')
        return f'<g class="marks">\n{"".join(found)}</g>\n' if found else ""

    def _numbers(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(self._names.setdefault(name, len(self._names)) for name in names)


def _entries(box: Any) -> Iterator[tuple[HPacker, str]]:
    """The entries of a legend with their labels: pairs of a drawing and a text."""
    for child in box.get_children():
        held = child.get_children() if isinstance(child, HPacker) else []
        if len(held) == 2 and isinstance(held[1], TextArea):
            yield child, held[1].get_text()
        else:
            yield from _entries(child)


def tagged(svg: str) -> str:
    """An SVG of matplotlib with the names of its tagged artists as `data-of`."""
    return _TAG.sub(lambda found: f'<g data-of="{found[1][1:].replace(".", " ")}"', svg)


def untagged(svg: str) -> str:
    """An SVG of matplotlib without the names of its tagged artists."""
    return _TAG.sub("<g", svg)
