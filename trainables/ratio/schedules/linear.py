"""The linear schedule: the ratio moves from start to end in a straight line."""

from typing import ClassVar, Literal

from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio, arrow, between


class Linear(Curve):
    """α(p) = a0 + (a1 - a0) p."""

    description: ClassVar[str] = "a straight line from start to end"
    family: Literal["linear"] = "linear"
    start: Ratio = 1.0
    end: Ratio = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return between(self.start, self.end, progress)

    @override
    def summary(self) -> str:
        return f"linear {arrow(self.start, self.end)}"
