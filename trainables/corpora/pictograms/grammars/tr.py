"""Turkish: after a number the noun stays in the singular."""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("bir", "iki", "üç", "dört", "beş")
_COLOURS = {
    "red": "kırmızı",
    "blue": "mavi",
    "green": "yeşil",
    "yellow": "sarı",
    "black": "siyah",
    "brown": "kahverengi",
    "orange": "turuncu",
    "purple": "mor",
}
_NOUNS = {
    "circle": "daire",
    "triangle": "üçgen",
    "star": "yıldız",
    "heart": "kalp",
    "flower": "çiçek",
    "house": "ev",
    "fish": "balık",
    "arrow": "ok",
}
_PLACES = {"left": "solda", "right": "sağda", "top": "üstte", "bottom": "altta", "middle": "ortada"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place = _PLACES[scene.place]
    things = f"{_COUNTS[scene.count - 1]} {_COLOURS[scene.colour]} {_NOUNS[scene.shape]}"
    # No sentence begins with `iki`, whose capital is not that of other languages.
    return (
        sentence(f"{place} {things}."),
        sentence(f"{place} {things} var."),
        f"Resimde {place} {things} görülüyor.",
        sentence(f"{place} {things} olan bir resim."),
    )
