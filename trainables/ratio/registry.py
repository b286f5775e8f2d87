"""The one door to all ratio families: the config union, the registry and the policy that a training loop follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, get_args

from pydantic import Field, TypeAdapter, ValidationError

from trainables.batches.kinds import Kind
from trainables.errors import UserError, unknown_name
from trainables.parameters import Parameter
from trainables.ratio.bandits import OnlineDataMixing, Progress
from trainables.ratio.controllers import ControllerFamily, Signal
from trainables.ratio.controls import Replay, Reversed, Shuffled
from trainables.ratio.excess import Excess
from trainables.ratio.feedback import Bias, Gap
from trainables.ratio.schedules import (
    Competence,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    Family,
    Linear,
    Schedule,
    Sigmoid,
    Step,
    Trajectory,
)

RatioConfig = Annotated[
    Constant
    | Linear
    | Cosine
    | Exponential
    | Sigmoid
    | Step
    | Cyclic
    | Competence
    | Gap
    | Progress
    | OnlineDataMixing
    | Excess
    | Bias
    | Reversed
    | Shuffled
    | Replay,
    Field(discriminator="family"),
]
"""Every family, told apart by its `family` field. This union is the registry: a new family is one more line here."""


@dataclass(frozen=True)
class FamilyInfo:
    """What `--list` shows of a family."""

    name: str
    description: str
    closed_loop: bool
    parameters: Mapping[str, Parameter]
    """The search space; empty for controls, which are derived from another training and never searched."""
    config: type[Family]


def _info(family: type[Family]) -> FamilyInfo:
    name = str(family.model_fields["family"].default)
    return FamilyInfo(name, family.description, family.closed_loop, family.parameters(), family)


FAMILIES: Mapping[str, FamilyInfo] = {info.name: info for info in map(_info, get_args(get_args(RatioConfig)[0]))}
"""All families by name, in the order of the union."""

_ADAPTER: TypeAdapter[Family] = TypeAdapter(RatioConfig)


def ratio_config(values: Mapping[str, Any]) -> Family:
    """Builds the config of a family from plain values such as {"family": "linear", "start": 1, "end": 0}.

    Raises UserError for an unknown family or field, and for a value out of range or missing.
    """
    name = str(values.get("family"))
    if name not in FAMILIES:
        raise unknown_name("ratio family", name, FAMILIES)
    try:
        return _ADAPTER.validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"][1:])
        value = "" if isinstance(first["input"], Mapping) else f" is {first['input']!r}"
        subject = f" {where}{value}:" if where else ""
        fields = ", ".join(field for field in FAMILIES[name].config.model_fields if field != "family")
        rule = first["msg"].removeprefix("Value error, ")
        raise UserError(f"Ratio family {name}:{subject} {rule}; its fields are {fields}.") from error


class RatioPolicy(Protocol):
    """What the training loop follows, the same for open and closed loop.

    Per step: `ratio(step)`, train on a batch, measure `wants(step)`, `observe(step, kind, signals)`.
    """

    @property
    def planned(self) -> Trajectory | None:
        """The ratios of all steps if they are known beforehand, else None."""

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
        self.planned: Trajectory = schedule.trajectory(total_steps)
        self._steps = 0

    def ratio(self, step: int) -> float:
        """The planned ratio of any step."""
        return float(self.planned[step])

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
        return [float(ratio) for ratio in self.planned[: self._steps]]

    def state(self) -> dict[str, Any]:
        """The number of steps observed."""
        return {"steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._steps = int(state["steps"])


def ratio_policy(config: Family, total_steps: int) -> RatioPolicy:
    """The policy of a training of `total_steps` under a config, at step 0. Raises ValueError for less than one step."""
    if total_steps < 1:
        raise ValueError(f"a training has {total_steps} steps, but must have at least one")
    if isinstance(config, ControllerFamily):
        return config.controller(total_steps)
    if isinstance(config, Schedule):
        return OpenLoop(config, total_steps)
    raise TypeError(f"{type(config).__name__} is neither a schedule nor a controller family")


def describe(config: Family) -> str:
    """A short line for tables, such as "linear 1 → 0"."""
    return config.summary()
