"""Closed loop by feedback: families that steer a dev measurement towards a target (integral control).

Every 1 / `updates` of the training, with e how far the measurement is above its target, α ← clip(α - gain · e, low,
high): too much preference for one's own language lets more cross-lingual batches in.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Choice, Parameter, Real
from trainables.ratio.controllers import Controller, ControllerFamily, Signal
from trainables.ratio.schedules import Ratio


class FeedbackFamily(ControllerFamily):
    """What the feedback families share."""

    initial: Ratio = 0.5
    gain: Annotated[float, Field(gt=0, le=100)] = 0.5
    """Change of α per unit of error, at each update."""
    low: Ratio = 0.0
    high: Ratio = 1.0
    updates: Annotated[int, Field(ge=1)] = 20
    """Number of updates in a training, evenly spaced; each costs one measurement on the dev slice."""

    @model_validator(mode="after")
    def _starts_within_limits(self) -> Self:
        if not self.low <= self.initial <= self.high:
            raise ValueError(f"initial is {self.initial}, but must be in [low, high] = [{self.low}, {self.high}]")
        return self

    @property
    @abstractmethod
    def signals(self) -> frozenset[Signal]:
        """The dev measurements that an update needs."""

    @abstractmethod
    def error(self, signals: Mapping[str, float]) -> float:
        """How far the measurement is above its target."""

    @override
    def controller(self, total_steps: int) -> Controller:
        return FeedbackController(self, total_steps)


class Gap(FeedbackFamily):
    """Feedback on how far cross-lingual lags behind monolingual on dev data, relative to both.

    The gap is (cross - mono) / (cross + mono) of the dev losses, or (mono - cross) / (mono + cross) of the dev mAPs,
    in [-1, 1], positive when cross-lingual is worse, 0 when both are 0. e = gap - target.
    """

    description: ClassVar[str] = "closed loop: steers the gap between monolingual and cross-lingual dev loss or mAP"
    family: Literal["gap"] = "gap"
    metric: Literal["loss", "map"] = "loss"
    target: Annotated[float, Field(ge=-1, le=1)] = 0.1

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "metric": Choice(("loss", "map")),
            "initial": Real(0, 1),
            "gain": Real(0.05, 2, log=True),
            "target": Real(0, 0.5),
        }

    @property
    @override
    def signals(self) -> frozenset[Signal]:
        return frozenset(_GAP_SIGNALS[self.metric])

    @override
    def error(self, signals: Mapping[str, float]) -> float:
        worse, better = (_at_least_zero(name, signals) for name in _GAP_SIGNALS[self.metric])
        return ((worse - better) / (worse + better) if worse + better > 0 else 0.0) - self.target

    @override
    def summary(self) -> str:
        return f"gap in dev {self.metric} to {self.target:.3g}, gain {self.gain:.3g}, from {self.initial:.3g}"


# The one that is the greater of the two when cross-lingual lags behind comes first.
_GAP_SIGNALS: Mapping[str, tuple[Signal, Signal]] = {
    "loss": ("dev_loss_cross", "dev_loss_mono"),
    "map": ("dev_map_mono", "dev_map_cross"),
}


class Bias(FeedbackFamily):
    """Feedback on the language bias of a small dev slice, signal `dev_bias`, in the units of its metric.

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
    @override
    def signals(self) -> frozenset[Signal]:
        return frozenset({"dev_bias"})

    @override
    def error(self, signals: Mapping[str, float]) -> float:
        if self.metric == "diagonal_gap":
            return signals["dev_bias"] - self.target
        return math.log1p(_at_least_zero("dev_bias", signals)) - math.log1p(self.target)

    @override
    def summary(self) -> str:
        metric = self.metric.replace("_", " ")
        return f"bias, {metric} to {self.target:.3g}, gain {self.gain:.3g}, from {self.initial:.3g}"


class FeedbackController(Controller):
    """Moves α at the updates of a feedback family; remembers nothing but α."""

    def __init__(self, family: FeedbackFamily, total_steps: int) -> None:
        super().__init__(family.initial)
        self._family = family
        self._total_steps = total_steps

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        done, updates, total = step + 1, self._family.updates, self._total_steps
        # After the last step there is no batch left to decide about.
        is_update = done < total and done * updates // total > step * updates // total
        return self._family.signals if is_update else frozenset()

    @override
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        if not self.wants(step):
            return self._ratio
        moved = self._ratio - self._family.gain * self._family.error(signals)
        return min(max(moved, self._family.low), self._family.high)

    @override
    def _memory(self) -> dict[str, Any]:
        return {}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        pass


def _at_least_zero(name: str, signals: Mapping[str, float]) -> float:
    if signals[name] < 0:
        raise ValueError(f"signal {name!r} is {signals[name]}, but must be at least 0")
    return signals[name]
