"""What the feedback families share: they steer a dev measurement towards a target (integral control).

`updates` times, after equal parts of the training, with e how far the measurement is above its target,
α ← clip(α - gain · e, low, high): too much preference for one's own language lets more cross-lingual batches in.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.family import Ratio


class FeedbackFamily(ControllerFamily):
    """What the feedback families share."""

    initial: Ratio = 0.5
    gain: Annotated[float, Field(gt=0, le=100)] = 0.5
    """Change of α per unit of error, at each update."""
    low: Ratio = 0.0
    high: Ratio = 1.0
    updates: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Number of updates in a training, which part it evenly (fewer, if it has fewer steps to part it after); each costs
    one measurement on the dev slice."""

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


class FeedbackController(Controller):
    """Moves α at the updates of a feedback family; remembers nothing but α."""

    def __init__(self, family: FeedbackFamily, total_steps: int) -> None:
        super().__init__(family.initial)
        self._family = family
        self._total_steps = total_steps

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        # After the last step there is no batch left to decide about: n updates lie between n + 1 parts.
        done, parts, total = step + 1, self._family.updates + 1, self._total_steps
        is_update = done < total and done * parts // total > step * parts // total
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


def at_least_zero(name: str, signals: Mapping[str, float]) -> float:
    """The value of a signal. Raises ValueError if it is negative."""
    if signals[name] < 0:
        raise ValueError(f"signal {name!r} is {signals[name]}, but must be at least 0")
    return signals[name]
