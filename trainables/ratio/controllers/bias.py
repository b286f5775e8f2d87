"""The bias controller: steers the language bias on dev data."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator
from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.controller import Signal
from trainables.ratio.controllers.feedback import FeedbackFamily, at_least_zero


class Bias(FeedbackFamily):
    """Feedback on the language bias of a small dev slice, in the units of its metric.

    Rank distance: e = ln((1 + distance) / (1 + target)), since distances range over orders of magnitude. Diagonal gap
    of the language matrix of mAP: e = gap - target.
    """

    description: ClassVar[str] = "closed loop: steers the language bias of a dev slice"
    family: Literal["bias"] = "bias"
    metric: Literal["rank_distance", "diagonal_gap"] = "rank_distance"
    target: float

    @model_validator(mode="after")
    def _target_in_units_of_metric(self) -> Self:
        if self.metric == "rank_distance" and self.target < 0:
            raise ValueError(f"target is {self.target}, but a rank distance is at least 0")
        if self.metric == "diagonal_gap" and not -1 <= self.target <= 1:
            raise ValueError(f"target is {self.target}, but a diagonal gap is in [-1, 1]")
        return self

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"initial": Real(0, 1), "gain": Real(0.05, 2, log=True), "target": Real(10, 300, log=True)}

    @property
    def _signal(self) -> Signal:
        return f"dev/bias/{self.metric}"

    @property
    @override
    def signals(self) -> frozenset[Signal]:
        return frozenset({self._signal})

    @override
    def error(self, signals: Mapping[str, float]) -> float:
        if self.metric == "diagonal_gap":
            return signals[self._signal] - self.target
        return math.log1p(at_least_zero(self._signal, signals)) - math.log1p(self.target)

    @override
    def summary(self) -> str:
        metric = self.metric.replace("_", " ")
        return f"bias, {metric} to {self.target:.3g}, gain {self.gain:.3g}, from {self.initial:.3g}"
