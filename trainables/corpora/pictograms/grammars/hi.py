"""Hindi: two genders and plurals, which some adjectives follow; the verb agrees in number."""

from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("एक", "दो", "तीन", "चार", "पाँच")
_COLOURS = {
    "red": ("लाल", "लाल", "लाल"),
    "blue": ("नीला", "नीले", "नीली"),
    "green": ("हरा", "हरे", "हरी"),
    "yellow": ("पीला", "पीले", "पीली"),
    "black": ("काला", "काले", "काली"),
    "brown": ("भूरा", "भूरे", "भूरी"),
    "orange": ("नारंगी", "नारंगी", "नारंगी"),
    "purple": ("बैंगनी", "बैंगनी", "बैंगनी"),
}
"""Masculine singular, masculine plural, feminine."""
_NOUNS = {
    "circle": ("m", "वृत्त", "वृत्त"),
    "triangle": ("m", "त्रिभुज", "त्रिभुज"),
    "star": ("m", "तारा", "तारे"),
    "heart": ("m", "दिल", "दिल"),
    "flower": ("m", "फूल", "फूल"),
    "house": ("m", "घर", "घर"),
    "fish": ("f", "मछली", "मछलियाँ"),
    "arrow": ("m", "तीर", "तीर"),
}
_PLACES = {"left": "बाईं ओर", "right": "दाईं ओर", "top": "ऊपर", "bottom": "नीचे", "middle": "बीच में"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place, things = _PLACES[scene.place], _things(scene)
    verb = "है" if scene.count == 1 else "हैं"
    return (
        f"{place} {things}।",
        f"{place} {things} {verb}।",
        f"चित्र में {place} {things} {verb}।",
        f"एक चित्र जिसमें {place} {things} {verb}।",
    )


def _things(scene: Scene) -> str:
    gender, singular, plural = _NOUNS[scene.shape]
    colour = _COLOURS[scene.colour][2 if gender == "f" else int(scene.count > 1)]
    return f"{_COUNTS[scene.count - 1]} {colour} {singular if scene.count == 1 else plural}"
