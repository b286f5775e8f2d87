"""What a control is: a training that differs from the winning one in one respect and keeps all the rest.

Two controls tell the order of the ratios apart from their values, one their mean from their movement, one the batches
from the losses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trainables.ratio.family import Family


class Training(Protocol):
    """What a control reads of the winner's training."""

    @property
    def ratio(self) -> Family:
        """How the ratio is decided."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""


@dataclass(frozen=True)
class Control:
    """A control by name, with a line about it."""

    name: str
    description: str
    changes: Callable[[Training, Sequence[float]], Mapping[str, Any]]
    """From the winner's training and the ratios that it used, [T], to the options, by dotted key, in which the
    control's differs. The ratios are looked at only where they were not known before the training."""
    tuned: bool = False
    """Whether what else is searched, such as the learning rate, is searched for it anew: what suits the winner need not
    suit a training of another kind."""
