"""The step schedule: one ratio before a switch point, another one from it on."""

from typing import ClassVar, Literal

from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio, arrow


class Step(Curve):
    """α(p) = a0 for p < p0, a1 from p0 on."""

    description: ClassVar[str] = "start before a switch point, end from it on"
    family: Literal["step"] = "step"
    start: Ratio = 1.0
    end: Ratio = 0.0
    switch: Ratio = 0.5

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1), "switch": Real(0.1, 0.9)}

    @override
    def ratio(self, progress: float) -> float:
        return self.start if progress < self.switch else self.end

    @override
    def summary(self) -> str:
        return f"step {arrow(self.start, self.end)} at {self.switch:.3g}"
