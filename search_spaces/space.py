"""What a space is: the branches that are searched with equal effort and the arms that are compared."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter
from trainables.ratio.registry import FAMILIES, ratio_config
from trainables.ratio.schedules import Family

Control = Literal["reversed", "shuffled", "same-mean", "loss-mixing"]
"""Twins of a winning schedule that isolate order from average (DESIGN section 4) and batches from losses."""

Role = Literal["strategy", "static", "dynamic", "control"]


class Branch(BaseModel):
    """What gets one share of the search: a strategy at a fixed ratio, or a family with its own parameters.

    Every branch gets the same number of trials, the same number of training pairs and its own learning rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    family: str
    fixed: Mapping[str, Any] = {}
    """Ratio parameters that are not searched; they fix a strategy."""
    references: Mapping[Kind, str] = {}
    """Per kind of batch the branch whose first training gives the `excess` family its reference loss."""

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The ratio parameters that are searched in this branch."""
        return {name: p for name, p in FAMILIES[self.family].parameters.items() if name not in self.fixed}

    @property
    def defaults(self) -> dict[str, Any]:
        """The family's textbook values of `parameters`, such as linear from 1 to 0, as far as it has any."""
        fields = FAMILIES[self.family].config.model_fields
        return {name: fields[name].default for name in self.parameters if not fields[name].is_required()}

    def ratio(self, values: Mapping[str, Any]) -> Family:
        """Returns the ratio configuration at the given values of `parameters`."""
        return ratio_config({"family": self.family, **self.fixed, **values})


class Space(BaseModel):
    """One question, as branches to search, controls to add and defaults for what the user leaves open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    question: str
    branches: tuple[Branch, ...]
    controls: tuple[Control, ...] = ()
    """Added in the confirm phase for the best dynamic arm."""
    model: str = "mini-xs"
    training: tuple[str, ...] = ("atlas",)
    benchmarks: tuple[str, ...] = ("atlas",)
    trials: int
    """Search trials per branch."""
    seeds: int = 5
    """Repetitions per arm in the confirm phase."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    main_comparison: tuple[str, str]
    """The two arms that the question is about, e.g. best dynamic and best static."""


def strategies() -> tuple[Branch, ...]:
    """The three strategies of arXiv 2408.10536: only monolingual, only cross-lingual, half and half."""
    return (
        Branch(name="X-X-mono", role="strategy", family="constant", fixed={"value": 1.0}),
        Branch(name="X-Y", role="strategy", family="constant", fixed={"value": 0.0}),
        Branch(name="hybrid 0.5", role="strategy", family="constant", fixed={"value": 0.5}),
    )
