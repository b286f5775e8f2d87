"""What a space is: one question, as branches that are searched with equal effort and arms that are compared.

>>> space = Space(
...     name="falling", question="Does a falling ratio beat the best constant?",
...     branches=(*strategies(), static_branch(), family_branch("linear")),
...     factors=(Factor(name="batches.size", levels=tuple(
...         Level(label=str(size), patch={"batches.size": size}) for size in (24, 48)
...     )),),
...     trials=4, main_comparison=("linear", "best static"),
... )
>>> [branch.name for branch in space.branches]
['X-X-mono', 'X-Y', 'hybrid 0.5', 'static', 'linear']
>>> [cell.label for cell in space.cells()]
['24', '48']
"""

import re
from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trainables.corpora.sources.registry import EMBEDDED
from trainables.encoders.registry import EMBEDDED as EMBEDDED_ENCODER
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.parameters import Parameter
from trainables.ratio.controls.registry import CONTROLS
from trainables.ratio.registry import FAMILIES, constant_ratio

About = Literal["arms", "choice", "survival", "change", "levels"]
"""What a question is about: two arms, whatever the levels of a factor; which ratio the search chooses for the first of
them, and from which others it can be told; at which levels one of them is better; how their difference changes over the
levels; or what the levels change in each of the two arms."""

Role = Literal["strategy", "static", "dynamic", "control", "fixed"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Branch(BaseModel):
    """What gets one share of the search: a patch of the trial's options and the options that are searched.

    Every branch gets the same number of trials, the same number of training pairs and its own learning rate.
    """

    model_config = _FROZEN

    name: str
    role: Role
    patch: Mapping[str, Any]
    """Options, by dotted key, that make the branch what it is."""
    searched: Mapping[str, Parameter] = {}
    """Options that are searched in this branch, beside those that every branch searches."""
    first: Mapping[str, Any] = {}
    """What is tried first of `searched`, such as the textbook values of a schedule."""


class Level(BaseModel):
    """One level of a factor: what it is called, and the options that make it, first the one that the factor is about.

    A level that repeats the first option of an earlier one is a control of it, which holds something else fixed.
    """

    model_config = _FROZEN

    label: str
    patch: Mapping[str, Any]
    cluster: Mapping[str, Any] = {}
    """What its trials ask for on a cluster, where that is not what all others do, such as `workers_per_trial`."""


class Factor(BaseModel):
    """Something that crosses every branch of a space, such as the size of the encoder or of the batch."""

    model_config = _FROZEN

    name: str
    levels: tuple[Level, ...]


class Cell(BaseModel):
    """One combination of levels; a space without factors has a single cell without any."""

    model_config = _FROZEN

    levels: Mapping[str, str]
    """Label by factor."""
    patch: Mapping[str, Any]
    cluster: Mapping[str, Any] = {}
    """What its levels ask for on a cluster."""

    @property
    def label(self) -> str:
        """The levels in a line; empty without factors."""
        return ", ".join(self.levels.values())


class Space(BaseModel):
    """One question, as branches to search, controls to add and defaults for what the user leaves open.

    Raises:
        UserError: a control is not registered.
    """

    model_config = _FROZEN

    name: str
    question: str
    branches: tuple[Branch, ...]
    factors: tuple[Factor, ...] = ()
    controls: tuple[str, ...] = ()
    """Twins of the best dynamic arm, added in the confirm phase (trainables.ratio.controls)."""
    rivals: Mapping[str, tuple[str, ...]] = {}
    """Controls that cost no training, and the arms that each is made of, a schedule or not."""
    patch: Mapping[str, Any] = {"encoder": EMBEDDED_ENCODER}
    """Options of every trial, where the user does not say."""
    training: tuple[str, ...] = (EMBEDDED,)
    benchmarks: tuple[str, ...] = (EMBEDDED,)
    trials: int
    """Search trials per branch."""
    seeds: int = 5
    """Repetitions per arm in the confirm phase."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    objective: str = "overall/map"
    """The dev metric that chooses."""
    least_movement: Annotated[float, Field(ge=0, le=1)] = 0.2
    """How far a dynamic arm must move its ratio, the largest less the smallest: one that moves less is a constant."""
    main_comparison: tuple[str, str]
    """The two arms that the question is about, e.g. best dynamic and best static."""
    about: About = "arms"
    """What it asks of them, and with what the answer begins."""
    efficiency: EfficiencyConfig | None = None
    """How the efficiency of every confirmed encoder is measured, if the question is about it; it then comes first."""

    @field_validator("controls", "rivals")
    @classmethod
    def _controls_exist(cls, names: Any) -> Any:
        for name in names:
            CONTROLS.find(name)
        return names

    def cells(self) -> tuple[Cell, ...]:
        """Every combination of the levels of the factors, the first factor slowest."""
        return tuple(
            Cell(
                levels={factor.name: level.label for factor, level in zip(self.factors, levels, strict=True)},
                patch={key: value for level in levels for key, value in level.patch.items()},
                cluster={key: value for level in levels for key, value in level.cluster.items()},
            )
            for levels in product(*(factor.levels for factor in self.factors))
        )


def strategies() -> tuple[Branch, ...]:
    """The three strategies of arXiv 2408.10536: only monolingual, only cross-lingual, half and half."""
    return tuple(
        Branch(name=name, role="strategy", patch={"ratio": constant_ratio(value).model_dump()})
        for name, value in (("X-X-mono", 1.0), ("X-Y", 0.0), ("hybrid 0.5", 0.5))
    )


def family_branch(family: str, *, role: Role = "dynamic", name: str = "") -> Branch:
    """Returns the branch of a family with all its parameters searched; a dynamic one begins with its textbook values.

    Args:
        family: its name.
        role: what it is in the comparison.
        name: of the branch; empty: that of the family.

    Raises:
        UserError: the family is not registered.
    """
    found = FAMILIES.find(family)
    parameters = found.parameters()
    textbook = {
        f"ratio.{field}": found.model_fields[field].default
        for field in parameters
        if role == "dynamic" and not found.model_fields[field].is_required()
    }
    return Branch(
        name=name or family,
        role=role,
        patch={"ratio.family": family},
        searched={f"ratio.{field}": parameter for field, parameter in parameters.items()},
        first=textbook,
    )


def static_branch() -> Branch:
    """The constant ratio, searched."""
    return family_branch(constant_ratio(0.5).family, role="static", name="static")


def sizes(*encoders: str, **patch: Any) -> Factor:
    """A ladder of encoders, by their names, as a factor: the same as `--model` given several times.

    `patch`: options that all of them have, too.
    """
    levels = (Level(label=name, patch={"encoder": name, **patch}) for name in encoders)
    return Factor(name="encoder", levels=tuple(levels))


def slug(name: str) -> str:
    """A name as it stands in identifiers and folder names.

    >>> slug("hybrid 0.5")
    'hybrid-0.5'
    """
    return re.sub(r"[^\w.-]", "-", name)
