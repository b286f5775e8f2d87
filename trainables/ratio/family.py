"""What a ratio family is: a config that says how the ratio α, the probability of a monolingual batch, is decided.

An open-loop family, a `Schedule`, knows the ratio of every step before the training starts. A closed-loop family
(controller.py) decides it step by step, from what the training shows. Whoever trains, searches or reports asks a family
by the methods of this file and knows none by its name.

Progress is defined once, for every family: step t = 0, 1, ..., T - 1 of T has p = t / T. So p = 0 is reached, p = 1
is not.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter

Ratio = Annotated[float, Field(ge=0, le=1)]
Trajectory = npt.NDArray[np.float64]
"""The ratios of all steps of a training: [T], each in [0, 1]."""


class Family(BaseModel):
    """A ratio family; its fields are its parameters, frozen and checked.

    Every family has a field `family: Literal["its_name"] = "its_name"`, by which records and the registry know it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if TYPE_CHECKING:
        # No field of the base: it would come first in the JSON of every family, whose order is part of fingerprints.
        family: str

    description: ClassVar[str]
    """One line about the family, for lists."""
    closed_loop: ClassVar[bool]
    """Whether the ratio is decided from what the training shows."""
    references: ClassVar[Mapping[str, Kind]] = {}
    """The fields that hold the loss curve of an earlier training, each with the kind of batch whose loss it is. They
    are not searched: a study fills them from its own first trainings."""

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """The search space: field name to range. Fields that are absent keep their defaults in a search."""
        return {}

    @abstractmethod
    def summary(self) -> str:
        """A short line for tables, such as "linear 1 → 0"."""

    def comparable_from(self) -> float:
        """The progress in [0, 1] before which dev scores say nothing about how a training will end."""
        return 0.0

    def constant_value(self) -> float | None:
        """The ratio of all steps where the family never changes it, else None."""
        return None

    def signal_pairs(self, total_steps: int, batch_size: int, dev_pairs: int) -> int:
        """Pairs that a training encodes for its signals alone.

        Args:
            total_steps: steps of the training.
            batch_size: pairs of a batch.
            dev_pairs: pairs that a measurement on the dev slice encodes.
        """
        return 0

    def dev_signals(self, total_steps: int) -> frozenset[str]:
        """What a training of so many steps measures on the dev set to decide the ratio (`trainables.ratio.signals`)."""
        return frozenset()

    @abstractmethod
    def as_schedule(self, ratios: Sequence[float]) -> "Schedule":
        """The schedule that repeats the ratios of a training under this config.

        Args:
            ratios: [T], what the training used; looked at only where they were not known beforehand.
        """


class Schedule(Family):
    """A family whose ratios are known before the training starts."""

    closed_loop: ClassVar[bool] = False

    @abstractmethod
    def trajectory(self, total_steps: int) -> Trajectory:
        """The ratios of steps 0 to T - 1: float64 [T], each in [0, 1]."""

    def mean_ratio(self, total_steps: int) -> float:
        """The mean of the ratios that T steps use, correctly rounded before the division."""
        return math.fsum(self.trajectory(total_steps)) / total_steps

    @override
    def as_schedule(self, ratios: Sequence[float]) -> "Schedule":
        """The schedule itself."""
        return self


class Curve(Schedule):
    """A schedule given by a function of progress."""

    @abstractmethod
    def ratio(self, progress: float) -> float:
        """α(p) in [0, 1] at progress p in [0, 1]."""

    @override
    def trajectory(self, total_steps: int) -> Trajectory:
        """The ratios α(t / T) of steps 0 to T - 1: float64 [T]."""
        return np.array([self.ratio(step / total_steps) for step in range(total_steps)], dtype=np.float64)

    @override
    def comparable_from(self) -> float:
        """The progress at which half of all movement of α (its total variation) is done, to 0.001; 0 if α never moves.

        A schedule that begins monolingual scores low on cross-lingual dev data until it has moved away from its
        start; a step is comparable from its switch on, a straight line from the middle on.
        """
        moved = np.cumsum(np.abs(np.diff(self.trajectory(1000))))
        return float(np.argmax(moved >= moved[-1] / 2) + 1) / 1000 if moved[-1] > 0 else 0.0


def movement(ratios: Sequence[float] | Trajectory) -> float:
    """How far ratios move over a training: the largest less the smallest, without what rounding adds or takes.

    >>> movement([0.5, 0.2, 0.6])
    0.4
    """
    return round(float(max(ratios) - min(ratios)), 12) if len(ratios) else 0.0


def between(start: float, end: float, share: float) -> float:
    """The value a `share` in [0, 1] of the way from start to end.

    >>> between(1.0, 0.5, 0.5)
    0.75
    """
    # Rounding may overshoot by one unit in the last place; a ratio must not leave [start, end].
    value = start + (end - start) * share
    return min(max(value, min(start, end)), max(start, end))


def arrow(start: float, end: float) -> str:
    """Start and end of a schedule, for its summary.

    >>> arrow(1.0, 0.25)
    '1 → 0.25'
    """
    return f"{start:.3g} → {end:.3g}"


def counted(number: int, noun: str) -> str:
    """A number of things, for summaries.

    >>> counted(1, "cosine cycle"), counted(3, "look")
    ('1 cosine cycle', '3 looks')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
