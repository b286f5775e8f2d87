"""The scenes: so many things of one sort and colour at one place of the picture."""

from dataclasses import dataclass
from itertools import product

COUNTS = (1, 2, 3, 4, 5)
"""All plural forms of the languages occur: one, two, few and many."""
COLOURS = ("red", "blue", "green", "yellow", "black", "brown", "orange", "purple")
SHAPES = ("circle", "triangle", "star", "heart", "flower", "house", "fish", "arrow")
PLACES = ("left", "right", "top", "bottom", "middle")


@dataclass(frozen=True)
class Scene:
    """What is seen in a picture, and told by its captions."""

    count: int
    colour: str
    shape: str
    place: str

    @property
    def id(self) -> str:
        """Its name in files: `3-red-circle-left`."""
        return f"{self.count}-{self.colour}-{self.shape}-{self.place}"


def scenes() -> tuple[Scene, ...]:
    """All combinations, in a fixed order."""
    return tuple(Scene(*values) for values in product(COUNTS, COLOURS, SHAPES, PLACES))
