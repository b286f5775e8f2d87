"""English: plurals."""

from trainables.corpora.pictograms.grammars.sentence import sentence
from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("one", "two", "three", "four", "five")
_PLACES = {
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
    "middle": "in the middle",
}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place = _PLACES[scene.place]
    noun = scene.shape if scene.count == 1 or scene.shape == "fish" else f"{scene.shape}s"
    things = f"{_COUNTS[scene.count - 1]} {scene.colour} {noun}"
    verb = "is" if scene.count == 1 else "are"
    return (
        sentence(f"{things} {place}."),
        sentence(f"{place} there {verb} {things}."),
        f"The picture shows {things} {place}.",
        f"A picture with {things} {place}.",
    )
