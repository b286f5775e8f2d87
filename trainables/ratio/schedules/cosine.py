"""The cosine schedule: the ratio moves from start to end along half a cosine wave, slowly at both ends."""

import math
from typing import ClassVar, Literal

from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio, arrow, between


class Cosine(Curve):
    """α(p) = a1 + (a0 - a1) (1 + cos πp) / 2: flat at both ends."""

    description: ClassVar[str] = "half a cosine wave from start to end, flat at both ends"
    family: Literal["cosine"] = "cosine"
    start: Ratio = 1.0
    end: Ratio = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return between(self.start, self.end, (1 - math.cos(math.pi * progress)) / 2)

    @override
    def summary(self) -> str:
        return f"cosine {arrow(self.start, self.end)}"
