"""Draws scenes with Pillow: the same bytes whenever the same Pillow draws them.

How far apart things stand, how large each is and how light the ground is are drawn by a hash of the scene, so that what
is told of it (how many, of what colour and sort, where) cannot be read off a few fixed pixels. A row is centred: one
thing alone at the top stands neither on the left nor on the right.
"""

import io
import math
from collections.abc import Callable, Mapping

from trainables.corpora.hashes import number_of
from trainables.corpora.pictograms.scenes import Scene

SIDE = 64
"""Pixels of a picture, each way."""
_FINER = 4
"""A picture is drawn so many times as large and then made small, which softens its edges."""

_RGB = {
    "red": (214, 39, 40),
    "blue": (31, 89, 200),
    "green": (34, 150, 60),
    "yellow": (240, 205, 30),
    "black": (20, 20, 20),
    "brown": (121, 72, 35),
    "orange": (255, 133, 20),
    "purple": (130, 50, 160),
}
_LINE = {"left": 0.16, "right": 0.84, "top": 0.16, "bottom": 0.84, "middle": 0.5}
"""Where the row of things runs, as a share of the side; it is upright on the left and on the right."""

Point = tuple[float, float]


def picture(scene: Scene) -> bytes:
    """Returns the picture of a scene as a PNG file of `SIDE` x `SIDE` pixels."""
    # Imported late: a study of texts alone draws nothing.
    from PIL import Image, ImageDraw

    side = SIDE * _FINER
    light = 120 + _draw(scene, "ground") % 16
    image = Image.new("RGB", (side, side), (light, light, light))
    pen = ImageDraw.Draw(image)
    apart = 0.18 + 0.012 * _spread(scene, "apart", 0)
    for number in range(scene.count):
        along = 0.5 + apart * (number - (scene.count - 1) / 2) + 0.01 * _spread(scene, "along", number)
        across = _LINE[scene.place] + 0.03 * _spread(scene, "across", number)
        x, y = (across, along) if scene.place in ("left", "right") else (along, across)
        radius = side * (0.085 + 0.008 * _spread(scene, "size", number))
        for outline in _OUTLINES[scene.shape]():
            pen.polygon(
                [(round(x * side + radius * right), round(y * side + radius * down)) for right, down in outline],
                fill=_RGB[scene.colour],
            )
    file = io.BytesIO()
    image.reduce(_FINER).save(file, "PNG")
    return file.getvalue()


def _draw(scene: Scene, what: str, number: int = 0) -> int:
    return number_of("picture", scene.id, what, str(number))


def _spread(scene: Scene, what: str, number: int) -> float:
    """A number from -1 to 1."""
    return _draw(scene, what, number) % 2001 / 1000 - 1


def _around(points: int, radius: float = 1.0, centre: Point = (0.0, 0.0), turn: float = 0.0) -> list[Point]:
    angles = [2 * math.pi * (number + turn) / points - math.pi / 2 for number in range(points)]
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]


def _circle() -> list[list[Point]]:
    return [_around(40, 0.95)]


def _triangle() -> list[list[Point]]:
    return [[(0.0, -0.95), (1.0, 0.85), (-1.0, 0.85)]]


def _star() -> list[list[Point]]:
    outer, inner = _around(5, 1.1), _around(5, 0.45, turn=0.5)
    return [[point for pair in zip(outer, inner, strict=True) for point in pair]]


def _heart() -> list[list[Point]]:
    angles = [2 * math.pi * number / 40 for number in range(40)]
    return [
        [
            (
                math.sin(angle) ** 3,
                -(13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle)) / 16,
            )
            for angle in angles
        ]
    ]


def _flower() -> list[list[Point]]:
    return [_around(20, 0.42, petal) for petal in _around(5, 0.62)]


def _house() -> list[list[Point]]:
    roof = [(0.0, -1.0), (1.05, -0.1), (-1.05, -0.1)]
    wall = [(-0.7, -0.1), (0.7, -0.1), (0.7, 0.9), (0.25, 0.9), (0.25, 0.35), (-0.25, 0.35), (-0.25, 0.9), (-0.7, 0.9)]
    return [roof, wall]


def _fish() -> list[list[Point]]:
    body = [(0.8 * right - 0.25, 0.55 * down) for right, down in _around(40)]
    return [body, [(0.35, 0.0), (1.05, -0.65), (1.05, 0.65)]]


def _arrow() -> list[list[Point]]:
    return [[(-1.0, -0.2), (0.1, -0.2), (0.1, -0.8), (1.05, 0.0), (0.1, 0.8), (0.1, 0.2), (-1.0, 0.2)]]


_OUTLINES: Mapping[str, Callable[[], list[list[Point]]]] = {
    "circle": _circle,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "flower": _flower,
    "house": _house,
    "fish": _fish,
    "arrow": _arrow,
}
"""By shape its outlines around (0, 0), about 1 in each direction; y grows downwards."""
