"""A config of every family, for the tests of what holds for all of them."""

from hypothesis import strategies as st

from trainables.parameters import Choice, Integer, Real
from trainables.ratio.config import ratio_config
from trainables.ratio.family import Curve
from trainables.ratio.registry import FAMILIES

LINE = {"family": "linear", "start": 0.25, "end": 0.75}

EXAMPLES = {
    "gap": [{"metric": "loss", "updates": 13, "gain": 0.8}, {"metric": "map"}],
    "progress": [{"learning_rate": 0.3, "history": 9}, {"reward": "loss_drop"}],
    "look-ahead": [{"looks": 15, "learning_rate": 0.3}],
    "odm": [{"warmup": 0.1}],
    "excess": [{"reference_mono": [3.0, 1.0, 0.2], "reference_cross": [3.0, 2.0], "learning_rate": 0.3}],
    "bias": [{"target": 0.5, "updates": 17}, {"metric": "diagonal_gap", "target": 0.1}],
    "reversed": [{"of": LINE}],
    "shuffled": [{"of": LINE}],
    "replay": [{"ratios": [0.1, 0.9]}],
}
"""Values of the families that need some, or whose variants differ; the others' defaults will do."""


def examples(name):
    """Configs of a family as plain values."""
    return [{"family": name, **values} for values in EXAMPLES.get(name, [{}])]


@st.composite
def curves(draw):
    """Any curve of the search space, at any point, the ends of the ranges included."""
    family = draw(st.sampled_from([name for name, family in FAMILIES.items() if issubclass(family, Curve)]))
    values = examples(family)[0]
    for name, parameter in FAMILIES[family].parameters().items():
        match parameter:
            case Real(low, high):
                values[name] = draw(st.floats(low, high))
            case Integer(low, high):
                values[name] = draw(st.integers(low, high))
            case Choice(options):
                values[name] = draw(st.sampled_from(options))
    return ratio_config(values)
