"""The exponential schedule: the ratio changes by the same factor in every step."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, arrow

PositiveRatio = Annotated[float, Field(ge=1e-6, le=1)]


class Exponential(Curve):
    """α(p) = a0 (a1 / a0)^p: the same factor in every step."""

    description: ClassVar[str] = "a constant factor per step from start to end, both above 0"
    family: Literal["exponential"] = "exponential"
    start: PositiveRatio = 1.0
    end: PositiveRatio = 0.05

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0.01, 1, log=True), "end": Real(0.01, 1, log=True)}

    @override
    def ratio(self, progress: float) -> float:
        value = float(self.start * (self.end / self.start) ** progress)
        return min(max(value, min(self.start, self.end)), max(self.start, self.end))

    @override
    def summary(self) -> str:
        return f"exponential {arrow(self.start, self.end)}"
