"""Centring: the winner's encoder with each language's mean embedding subtracted where it is judged.

It costs no training: whoever trains the winner judges it both ways.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.ratio.controls.control import Control, Training


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    return {"evaluation.centred": True}


CENTRED = Control("centred", "the same encoder, each language's mean embedding subtracted", _changes)
