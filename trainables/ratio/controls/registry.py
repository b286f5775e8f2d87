"""The controls by name. A plugin adds its own by `CONTROLS.register`; a space says which ones it wants."""

from typing import Final

from trainables.ratio.controls.centred import CENTRED
from trainables.ratio.controls.control import Control
from trainables.ratio.controls.loss_mixing import LOSS_MIXING
from trainables.ratio.controls.reversed import REVERSED
from trainables.ratio.controls.same_mean import SAME_MEAN
from trainables.ratio.controls.shuffled import SHUFFLED
from trainables.registry import Registry

CONTROLS: Final[Registry[Control]] = Registry(
    "control",
    lambda control: control.name,
    (REVERSED, SHUFFLED, SAME_MEAN, LOSS_MIXING, CENTRED),
)
