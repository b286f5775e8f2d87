"""The time-reversed twin."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from typing_extensions import override

from trainables.ratio.controls.control import Control, Training
from trainables.ratio.controls.twin import Original, Twin
from trainables.ratio.family import Trajectory


class Reversed(Twin):
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
        original = self.of.comparable_from()
        return 1 - original if original > 0 else 0.0

    @override
    def summary(self) -> str:
        return f"reversed ({self.of.summary()})"


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    return {"ratio": Reversed(of=training.ratio.as_schedule(ratios))}


REVERSED = Control("reversed", "the winner's ratios, last first", _changes)
