"""German: three genders, strong endings of adjectives after a number, three cases.

After `ein` the endings are those of the mixed declension.
"""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("zwei", "drei", "vier", "fünf")
_COLOURS = {
    "red": "rot",
    "blue": "blau",
    "green": "grün",
    "yellow": "gelb",
    "black": "schwarz",
    "brown": "braun",
    "orange": "orangefarben",
    "purple": "violett",
}
_NOUNS = {
    "circle": ("m", "Kreis", "Kreis", "Kreise", "Kreisen"),
    "triangle": ("n", "Dreieck", "Dreieck", "Dreiecke", "Dreiecken"),
    "star": ("m", "Stern", "Stern", "Sterne", "Sternen"),
    "heart": ("n", "Herz", "Herzen", "Herzen", "Herzen"),
    "flower": ("f", "Blume", "Blume", "Blumen", "Blumen"),
    "house": ("n", "Haus", "Haus", "Häuser", "Häusern"),
    "fish": ("m", "Fisch", "Fisch", "Fische", "Fischen"),
    "arrow": ("m", "Pfeil", "Pfeil", "Pfeile", "Pfeilen"),
}
"""Gender, nominative (and accusative) singular, dative singular, nominative (and accusative) plural, dative plural."""
_PLACES = {"left": "links", "right": "rechts", "top": "oben", "bottom": "unten", "middle": "in der Mitte"}
_ONE = {
    "nominative": {"m": ("ein", "er"), "f": ("eine", "e"), "n": ("ein", "es")},
    "accusative": {"m": ("einen", "en"), "f": ("eine", "e"), "n": ("ein", "es")},
    "dative": {"m": ("einem", "en"), "f": ("einer", "en"), "n": ("einem", "en")},
}
"""By case and gender the article and the ending of the adjective."""


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place = _PLACES[scene.place]
    verb = "ist" if scene.count == 1 else "sind"
    things = _things(scene, "nominative")
    return (
        sentence(f"{things} {place}."),
        sentence(f"{place} {verb} {things} zu sehen."),
        f"Das Bild zeigt {place} {_things(scene, 'accusative')}.",
        f"Ein Bild mit {_things(scene, 'dative')} {place}.",
    )


def _things(scene: Scene, case: str) -> str:
    gender, singular, of_singular, plural, of_plural = _NOUNS[scene.shape]
    colour, is_dative = _COLOURS[scene.colour], case == "dative"
    if scene.count == 1:
        article, ending = _ONE[case][gender]
        return f"{article} {colour}{ending} {of_singular if is_dative else singular}"
    count, ending = _COUNTS[scene.count - 2], "en" if is_dative else "e"
    return f"{count} {colour}{ending} {of_plural if is_dative else plural}"
