"""The built-in ratio families, one line each. A plugin adds its own by `FAMILIES.register`."""

from trainables.ratio.config import FAMILIES
from trainables.ratio.controllers.bias import Bias
from trainables.ratio.controllers.excess import Excess
from trainables.ratio.controllers.gap import Gap
from trainables.ratio.controllers.look_ahead import LookAhead
from trainables.ratio.controllers.odm import OnlineDataMixing
from trainables.ratio.controllers.progress import Progress
from trainables.ratio.controls.replay import Replay
from trainables.ratio.controls.reversed import Reversed
from trainables.ratio.controls.shuffled import Shuffled
from trainables.ratio.family import Family
from trainables.ratio.schedules.competence import Competence
from trainables.ratio.schedules.constant import Constant
from trainables.ratio.schedules.cosine import Cosine
from trainables.ratio.schedules.cyclic import Cyclic
from trainables.ratio.schedules.exponential import Exponential
from trainables.ratio.schedules.linear import Linear
from trainables.ratio.schedules.sigmoid import Sigmoid
from trainables.ratio.schedules.step import Step

__all__ = ["FAMILIES", "constant_ratio"]

# Lists, spaces and seeds of searches follow this order: add new ones at the end.
_BUILT_IN: tuple[type[Family], ...] = (
    Constant,
    Linear,
    Cosine,
    Exponential,
    Sigmoid,
    Step,
    Cyclic,
    Competence,
    Gap,
    Progress,
    OnlineDataMixing,
    Excess,
    Bias,
    Reversed,
    Shuffled,
    Replay,
    LookAhead,
)
for _family in _BUILT_IN:
    FAMILIES.register(_family)


def constant_ratio(value: float) -> Family:
    """The ratio that never changes, such as that of a strategy."""
    return Constant(value=value)
