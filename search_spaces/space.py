"""What a space is: the branches that are searched with equal effort and the arms that are compared."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter
from trainables.ratio.config import ratio_config
from trainables.ratio.controls.registry import CONTROLS
from trainables.ratio.family import Family
from trainables.ratio.registry import FAMILIES

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
    """Per kind of batch the branch whose first training gives a family with `references` its reference loss."""

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The ratio parameters that are searched in this branch."""
        return {name: p for name, p in FAMILIES[self.family].parameters().items() if name not in self.fixed}

    @property
    def defaults(self) -> dict[str, Any]:
        """The family's textbook values of `parameters`, such as linear from 1 to 0, as far as it has any."""
        fields = FAMILIES[self.family].model_fields
        return {name: fields[name].default for name in self.parameters if not fields[name].is_required()}

    @property
    def wanted_references(self) -> dict[str, Kind]:
        """The ratio fields that take the loss curve of another branch's first training, each with its kind of batch."""
        return {name: kind for name, kind in FAMILIES.find(self.family).references.items() if name not in self.fixed}

    @model_validator(mode="after")
    def _references_are_given(self) -> Self:
        missing = sorted(set(self.wanted_references.values()) - set(self.references))
        if missing:
            raise ValueError(
                f"branch {self.name!r} follows reference losses, but names no branch for {' and '.join(missing)}: "
                'give it references such as {"mono": "X-X-mono", "cross": "X-Y"}'
            )
        return self

    def ratio(self, values: Mapping[str, Any]) -> Family:
        """Returns the ratio configuration at the given values of `parameters`."""
        return ratio_config({"family": self.family, **self.fixed, **values})


class Space(BaseModel):
    """One question, as branches to search, controls to add and defaults for what the user leaves open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    question: str
    branches: tuple[Branch, ...]
    controls: tuple[str, ...] = ()
    """Names of `CONTROLS`, added in the confirm phase for the best dynamic arm."""
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

    @field_validator("controls")
    @classmethod
    def _controls_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            CONTROLS.find(name)
        return names


def strategies() -> tuple[Branch, ...]:
    """The three strategies of arXiv 2408.10536: only monolingual, only cross-lingual, half and half."""
    return (
        Branch(name="X-X-mono", role="strategy", family="constant", fixed={"value": 1.0}),
        Branch(name="X-Y", role="strategy", family="constant", fixed={"value": 0.0}),
        Branch(name="hybrid 0.5", role="strategy", family="constant", fixed={"value": 0.5}),
    )
