"""The constant schedule: one ratio for the whole training, as in hybrid batch training (arXiv 2408.10536)."""

from typing import ClassVar, Literal

from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio


class Constant(Curve):
    """α(p) = a."""

    description: ClassVar[str] = "the same ratio all the time"
    family: Literal["constant"] = "constant"
    value: Ratio = 0.5

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"value": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return self.value

    @override
    def constant_value(self) -> float:
        return self.value

    @override
    def summary(self) -> str:
        return f"constant {self.value:.3g}"
