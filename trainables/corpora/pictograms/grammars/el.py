"""Greek: three genders, for which 1, 3 and 4 have forms of their own, and two cases; some colours never change."""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = {
    2: {"m": "δύο", "f": "δύο", "n": "δύο"},
    3: {"m": "τρεις", "f": "τρεις", "n": "τρία"},
    4: {"m": "τέσσερις", "f": "τέσσερις", "n": "τέσσερα"},
    5: {"m": "πέντε", "f": "πέντε", "n": "πέντε"},
}
_ONE = {
    "nominative": {"m": "ένας", "f": "μία", "n": "ένα"},
    "accusative": {"m": "έναν", "f": "μία", "n": "ένα"},
}
_COLOURS = {
    "red": "κόκκιν-",
    "blue": "μπλε",
    "green": "πράσιν-",
    "yellow": "κίτριν-",
    "black": "μαύρ-",
    "brown": "καφέ",
    "orange": "πορτοκαλί",
    "purple": "μοβ",
}
"""A hyphen stands for an ending."""
_ENDINGS = {
    ("nominative", "singular"): {"m": "ος", "f": "η", "n": "ο"},
    ("accusative", "singular"): {"m": "ο", "f": "η", "n": "ο"},
    ("nominative", "plural"): {"m": "οι", "f": "ες", "n": "α"},
    ("accusative", "plural"): {"m": "ους", "f": "ες", "n": "α"},
}
_NOUNS = {
    "circle": ("m", "κύκλος", "κύκλο", "κύκλοι", "κύκλους"),
    "triangle": ("n", "τρίγωνο", "τρίγωνο", "τρίγωνα", "τρίγωνα"),
    "star": ("n", "αστέρι", "αστέρι", "αστέρια", "αστέρια"),
    "heart": ("f", "καρδιά", "καρδιά", "καρδιές", "καρδιές"),
    "flower": ("n", "λουλούδι", "λουλούδι", "λουλούδια", "λουλούδια"),
    "house": ("n", "σπίτι", "σπίτι", "σπίτια", "σπίτια"),
    "fish": ("n", "ψάρι", "ψάρι", "ψάρια", "ψάρια"),
    "arrow": ("n", "βέλος", "βέλος", "βέλη", "βέλη"),
}
"""Gender; nominative and accusative singular, nominative and accusative plural."""
_PLACES = {"left": "αριστερά", "right": "δεξιά", "top": "πάνω", "bottom": "κάτω", "middle": "στη μέση"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place = _PLACES[scene.place]
    verb = "υπάρχει" if scene.count == 1 else "υπάρχουν"
    subject, object_ = _things(scene, "nominative"), _things(scene, "accusative")
    return (
        sentence(f"{subject} {place}."),
        sentence(f"{place} {verb} {subject}."),
        f"Η εικόνα δείχνει {object_} {place}.",
        f"Μια εικόνα με {object_} {place}.",
    )


def _things(scene: Scene, case: str) -> str:
    gender, *nouns = _NOUNS[scene.shape]
    number = "singular" if scene.count == 1 else "plural"
    count = _ONE[case][gender] if scene.count == 1 else _COUNTS[scene.count][gender]
    colour = _COLOURS[scene.colour].replace("-", _ENDINGS[case, number][gender])
    return f"{count} {colour} {nouns[2 * (number == 'plural') + (case == 'accusative')]}"
