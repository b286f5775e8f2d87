"""The ratios of another training, step by step."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from trainables.errors import UserError
from trainables.ratio.family import Ratio, Schedule, Trajectory, counted


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
        return f"replay of {counted(len(self.ratios), 'ratio')}, mean {self.mean_ratio(len(self.ratios)):.3g}"
