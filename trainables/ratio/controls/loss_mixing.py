"""Loss mixing: both kinds in every step, weighted by the winner's ratio, in place of batches of one kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.ratio.controls.control import Control, Training


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    # A step of loss mixing holds two batches: half the steps spend the same pairs.
    ratio = training.ratio.as_schedule(_means_of_two(ratios))
    return {"batches.mixing": "loss", "steps": max(1, training.steps // 2), "ratio": ratio}


def _means_of_two(ratios: Sequence[float]) -> tuple[float, ...]:
    """The mean of every two ratios in a row; of a single one, itself."""
    return tuple((a + b) / 2 for a, b in zip(ratios[::2], ratios[1::2], strict=False)) or tuple(ratios)


LOSS_MIXING = Control("loss-mixing", "the winner's ratio as the weight of two losses in every step", _changes)
