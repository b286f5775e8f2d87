"""Russian: three genders; after 2 to 4 the noun stands in the genitive singular, after 5 in the genitive plural.

The adjective stands in the genitive plural after all of these, but after 2 to 4 of feminine nouns in the nominative
plural.
"""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_ONE = {"m": "один", "f": "одна", "n": "одно"}
_TWO = {"m": "два", "f": "две", "n": "два"}
_MORE = {3: "три", 4: "четыре", 5: "пять"}
_COLOURS = {
    "red": "красн",
    "blue": "син",
    "green": "зелён",
    "yellow": "жёлт",
    "black": "чёрн",
    "brown": "коричнев",
    "orange": "оранжев",
    "purple": "фиолетов",
}
_HARD = {"m": "ый", "f": "ая", "n": "ое", "nominative": "ые", "genitive": "ых"}
_SOFT = {"m": "ий", "f": "яя", "n": "ее", "nominative": "ие", "genitive": "их"}
_NOUNS = {
    "circle": ("m", "круг", "круга", "кругов"),
    "triangle": ("m", "треугольник", "треугольника", "треугольников"),
    "star": ("f", "звезда", "звезды", "звёзд"),
    "heart": ("n", "сердце", "сердца", "сердец"),
    "flower": ("m", "цветок", "цветка", "цветков"),
    "house": ("m", "дом", "дома", "домов"),
    "fish": ("f", "рыба", "рыбы", "рыб"),
    "arrow": ("f", "стрелка", "стрелки", "стрелок"),
}
"""Gender; nominative singular, genitive singular, genitive plural."""
_PLACES = {"left": "слева", "right": "справа", "top": "вверху", "bottom": "внизу", "middle": "посередине"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place, things = _PLACES[scene.place], _things(scene)
    return (
        sentence(f"{things} {place}."),
        sentence(f"{place} {things}."),
        f"На картинке {place} {things}.",
        f"Картинка, на которой {place} {things}.",
    )


def _things(scene: Scene) -> str:
    gender, one, few, many = _NOUNS[scene.shape]
    endings = _SOFT if scene.colour == "blue" else _HARD
    if scene.count == 1:
        count, ending, noun = _ONE[gender], endings[gender], one
    elif scene.count < 5:
        count = _TWO[gender] if scene.count == 2 else _MORE[scene.count]
        ending, noun = endings["nominative" if gender == "f" else "genitive"], few
    else:
        count, ending, noun = _MORE[scene.count], endings["genitive"], many
    return f"{count} {_COLOURS[scene.colour]}{ending} {noun}"
