"""Controls: schedules made from another one, which tell the order of the ratios apart from their average.

The third control, the constant with the same mean, is `Constant(value=schedule.mean_ratio(total_steps))`.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from trainables.batches.streams import Purpose, Stream
from trainables.errors import UserError
from trainables.ratio.schedules import (
    Competence,
    Constant,
    Cosine,
    Curve,
    Cyclic,
    Exponential,
    Linear,
    Ratio,
    Schedule,
    Sigmoid,
    Step,
    Trajectory,
)


class Replay(Schedule):
    """The ratios of an explicit list, one per step; turns the log of a closed-loop training into an open-loop one."""

    description: ClassVar[str] = "the logged ratios of another training, step by step"
    family: Literal["replay"] = "replay"
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=1)]

    @override
    def trajectory(self, total_steps: int) -> Trajectory:
        """The list itself: float64 [T]. Raises UserError if T is not its length."""
        if total_steps != len(self.ratios):
            raise UserError(
                f"A replay of {len(self.ratios)} ratios cannot drive {total_steps} steps: "
                "train for as many steps as the log has."
            )
        return np.array(self.ratios, dtype=np.float64)

    @override
    def summary(self) -> str:
        return f"replay of {len(self.ratios)} ratios, mean {self.mean_ratio(len(self.ratios)):.3g}"


Original = Annotated[
    Constant | Linear | Cosine | Exponential | Sigmoid | Step | Cyclic | Competence | Replay,
    Field(discriminator="family"),
]
"""What a control can be made from."""


class Reversed(Schedule):
    """The time-reversed twin: step t has the ratio that step T - 1 - t of the original has."""

    description: ClassVar[str] = "the time-reversed twin of another schedule"
    family: Literal["reversed"] = "reversed"
    of: Original

    @override
    def trajectory(self, total_steps: int) -> Trajectory:
        """Exactly the values of the original, last first: float64 [T]."""
        return self.of.trajectory(total_steps)[::-1].copy()

    @override
    def comparable_from(self) -> float:
        """The mirror image of the original's: half of the movement is done there, seen from the other end."""
        return 1 - self.of.comparable_from() if isinstance(self.of, Curve) and self.of.comparable_from() > 0 else 0.0

    @override
    def summary(self) -> str:
        return f"reversed ({self.of.summary()})"


class Shuffled(Schedule):
    """The shuffled twin: the values of the original over the T steps in a random order that depends on (seed, T)
    only.
    """

    description: ClassVar[str] = "the ratios of another schedule in random order"
    family: Literal["shuffled"] = "shuffled"
    of: Original
    seed: Annotated[int, Field(ge=0)] = 0

    @override
    def trajectory(self, total_steps: int) -> Trajectory:
        """Exactly the values of the original, permuted: float64 [T]."""
        order = Stream(self.seed).permutation(total_steps, Purpose.SHUFFLED_TWIN, total_steps)
        return self.of.trajectory(total_steps)[order]

    @override
    def summary(self) -> str:
        return f"shuffled ({self.of.summary()})"
