"""Spanish: two genders and plurals; the adjective follows its noun."""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("dos", "tres", "cuatro", "cinco")
_COLOURS = {
    "red": ("rojo", "roja", "rojos", "rojas"),
    "blue": ("azul", "azul", "azules", "azules"),
    "green": ("verde", "verde", "verdes", "verdes"),
    "yellow": ("amarillo", "amarilla", "amarillos", "amarillas"),
    "black": ("negro", "negra", "negros", "negras"),
    "brown": ("marrón", "marrón", "marrones", "marrones"),
    "orange": ("naranja", "naranja", "naranja", "naranja"),
    "purple": ("morado", "morada", "morados", "moradas"),
}
"""Masculine and feminine singular, masculine and feminine plural."""
_NOUNS = {
    "circle": ("m", "círculo", "círculos"),
    "triangle": ("m", "triángulo", "triángulos"),
    "star": ("f", "estrella", "estrellas"),
    "heart": ("m", "corazón", "corazones"),
    "flower": ("f", "flor", "flores"),
    "house": ("f", "casa", "casas"),
    "fish": ("m", "pez", "peces"),
    "arrow": ("f", "flecha", "flechas"),
}
_PLACES = {
    "left": "a la izquierda",
    "right": "a la derecha",
    "top": "arriba",
    "bottom": "abajo",
    "middle": "en el centro",
}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place, things = _PLACES[scene.place], _things(scene)
    return (
        sentence(f"{things} {place}."),
        sentence(f"{place} hay {things}."),
        f"La imagen muestra {things} {place}.",
        f"Una imagen con {things} {place}.",
    )


def _things(scene: Scene) -> str:
    gender, singular, plural = _NOUNS[scene.shape]
    is_plural, is_feminine = scene.count > 1, gender == "f"
    count = _COUNTS[scene.count - 2] if is_plural else "una" if is_feminine else "un"
    colour = _COLOURS[scene.colour][2 * is_plural + is_feminine]
    return f"{count} {plural if is_plural else singular} {colour}"
