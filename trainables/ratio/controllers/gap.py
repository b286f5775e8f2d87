"""The gap controller: steers how far cross-lingual retrieval lags behind monolingual retrieval on dev data."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.parameters import Choice, Parameter, Real
from trainables.ratio.controller import Signal
from trainables.ratio.controllers.feedback import FeedbackFamily, at_least_zero


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
        worse, better = (at_least_zero(name, signals) for name in _GAP_SIGNALS[self.metric])
        return ((worse - better) / (worse + better) if worse + better > 0 else 0.0) - self.target

    @override
    def summary(self) -> str:
        return f"gap in dev {self.metric} to {self.target:.3g}, gain {self.gain:.3g}, from {self.initial:.3g}"


# The one that is the greater of the two when cross-lingual lags behind comes first.
_GAP_SIGNALS: Mapping[str, tuple[Signal, Signal]] = {
    "loss": ("dev/loss/cross", "dev/loss/mono"),
    "map": ("dev/monolingual/map", "dev/cross-lingual/map"),
}
