"""The cyclic schedule: the ratio goes from start to end and back, several times."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.parameters import Choice, Integer, Parameter, Real
from trainables.ratio.family import Curve, Ratio, between, counted


class Cyclic(Curve):
    """α goes from a0 to a1 and back `cycles` times: with f the fraction of the cycle that is done, the share of the
    way to a1 is 1 - |1 - 2f| (triangle) or (1 - cos 2πf) / 2 (cosine).
    """

    description: ClassVar[str] = "from start to end and back, several times"
    family: Literal["cyclic"] = "cyclic"
    start: Ratio = 1.0
    end: Ratio = 0.0
    cycles: Annotated[int, Field(ge=1, le=10_000)] = 4
    shape: Literal["triangle", "cosine"] = "triangle"

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "start": Real(0, 1),
            "end": Real(0, 1),
            "cycles": Integer(1, 16, log=True),
            "shape": Choice(("triangle", "cosine")),
        }

    @override
    def ratio(self, progress: float) -> float:
        done = math.fmod(progress * self.cycles, 1.0)
        share = 1 - abs(1 - 2 * done) if self.shape == "triangle" else (1 - math.cos(2 * math.pi * done)) / 2
        return between(self.start, self.end, share)

    @override
    def summary(self) -> str:
        return f"cyclic {self.start:.3g} ⇄ {self.end:.3g}, {counted(self.cycles, f'{self.shape} cycle')}"
