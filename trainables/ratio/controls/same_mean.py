"""The constant ratio with the winner's mean: what the movement of the ratio adds to its mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.ratio.controls.control import Control, Training
from trainables.ratio.schedules.constant import Constant


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    return {"ratio": Constant(value=training.ratio.as_schedule(ratios).mean_ratio(training.steps))}


SAME_MEAN = Control("same-mean", "the constant ratio with the mean of the winner's", _changes)
