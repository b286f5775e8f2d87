"""The sigmoid schedule: the ratio moves from start to end in a soft step around a midpoint."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio, arrow, between


class Sigmoid(Curve):
    """α(p) = a0 + (a1 - a0) / (1 + e^(-k (p - p0))): a soft step; start and end are its limits, not its first and
    last value.
    """

    description: ClassVar[str] = "a soft step from start to end around a midpoint"
    family: Literal["sigmoid"] = "sigmoid"
    start: Ratio = 1.0
    end: Ratio = 0.0
    midpoint: Ratio = 0.5
    steepness: Annotated[float, Field(gt=0, le=500)] = 10.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "start": Real(0, 1),
            "end": Real(0, 1),
            "midpoint": Real(0.1, 0.9),
            "steepness": Real(4, 40, log=True),
        }

    @override
    def ratio(self, progress: float) -> float:
        return between(self.start, self.end, 1 / (1 + math.exp(-self.steepness * (progress - self.midpoint))))

    @override
    def summary(self) -> str:
        return f"sigmoid {arrow(self.start, self.end)} around {self.midpoint:.3g}, steepness {self.steepness:.3g}"
