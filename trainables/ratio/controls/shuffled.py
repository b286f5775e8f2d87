"""The shuffled twin."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.batches.streams import Purpose, Stream
from trainables.ratio.controls.control import Control, Training
from trainables.ratio.controls.twin import Original, Twin
from trainables.ratio.family import Trajectory


class Shuffled(Twin):
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


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    return {"ratio": Shuffled(of=training.ratio.as_schedule(ratios))}


SHUFFLED = Control("shuffled", "the winner's ratios in random order", _changes)
