"""The policy that the training loop follows, the same for open and closed loop: which ratio the next batch has."""

from collections.abc import Mapping
from typing import Any, Protocol

from trainables.batches.kinds import Kind
from trainables.ratio.controller import ControllerFamily, Signal
from trainables.ratio.family import Family, Schedule, Trajectory


class RatioPolicy(Protocol):
    """Per step: `ratio(step)`, train on a batch, measure `wants(step)`, `observe(step, kind, signals)`."""

    def ratio(self, step: int) -> float:
        """The ratio of the batch of `step`, which is done or next."""

    def wants(self, step: int) -> frozenset[Signal]:
        """The signals to measure after `step`."""

    def observe(self, step: int, kind: Kind, signals: Mapping[str, float]) -> None:
        """Takes in what was seen after `step`."""

    def log(self) -> list[float]:
        """The ratios of the steps observed so far."""

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here, as JSON values that survive the round trip exactly."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""


class OpenLoop:
    """The policy of a schedule: wants nothing and learns nothing."""

    def __init__(self, schedule: Schedule, total_steps: int) -> None:
        self._planned: Trajectory = schedule.trajectory(total_steps)
        self._steps = 0

    def ratio(self, step: int) -> float:
        """The planned ratio of any step."""
        return float(self._planned[step])

    def wants(self, step: int) -> frozenset[Signal]:
        """Nothing."""
        return frozenset()

    def observe(self, step: int, kind: Kind, signals: Mapping[str, float]) -> None:
        """Counts the step. Raises ValueError for a step out of order."""
        if step != self._steps:
            raise ValueError(f"step {step} was observed, but step {self._steps} is next")
        self._steps += 1

    def log(self) -> list[float]:
        """The ratios of the steps observed so far."""
        return [float(ratio) for ratio in self._planned[: self._steps]]

    def state(self) -> dict[str, Any]:
        """The number of steps observed."""
        return {"steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._steps = int(state["steps"])


def ratio_policy(config: Family, total_steps: int) -> RatioPolicy:
    """The policy of a training of `total_steps` under a config, at step 0.

    >>> from trainables.ratio.config import ratio_config
    >>> policy = ratio_policy(ratio_config({"family": "linear"}), total_steps=4)
    >>> [policy.ratio(step) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]

    Raises:
        UserError: the config cannot be trained, or not for so many steps.
        ValueError: there is not even one step.
    """
    if total_steps < 1:
        raise ValueError(f"a training has {total_steps} steps, but must have at least one")
    if isinstance(config, ControllerFamily):
        return config.controller(total_steps)
    if isinstance(config, Schedule):
        return OpenLoop(config, total_steps)
    raise TypeError(f"{type(config).__name__} is neither a schedule nor a controller family")
