"""Vietnamese: a classifier, chosen by the noun, stands between the number and the noun; the colour follows."""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("một", "hai", "ba", "bốn", "năm")
_COLOURS = {
    "red": "màu đỏ",
    "blue": "màu xanh dương",
    "green": "màu xanh lá cây",
    "yellow": "màu vàng",
    "black": "màu đen",
    "brown": "màu nâu",
    "orange": "màu cam",
    "purple": "màu tím",
}
_NOUNS = {
    "circle": "hình tròn",
    "triangle": "hình tam giác",
    "star": "ngôi sao",
    "heart": "trái tim",
    "flower": "bông hoa",
    "house": "ngôi nhà",
    "fish": "con cá",
    "arrow": "mũi tên",
}
"""With their classifiers."""
_PLACES = {
    "left": "ở bên trái",
    "right": "ở bên phải",
    "top": "ở phía trên",
    "bottom": "ở phía dưới",
    "middle": "ở giữa",
}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place = _PLACES[scene.place]
    things = f"{_COUNTS[scene.count - 1]} {_NOUNS[scene.shape]} {_COLOURS[scene.colour]}"
    return (
        sentence(f"{things} {place}."),
        sentence(f"{place} có {things}."),
        f"Bức tranh có {things} {place}.",
        f"Một bức tranh vẽ {things} {place}.",
    )
