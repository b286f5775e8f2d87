"""Who decides an option of a trial: where two do, one is not followed, and what is named after it becomes false.

What is fixed, in all trials or at a level of a factor, is laid over each other, a whole before its parts: an encoder
and its pooling both hold. What is searched is laid over that, and a whole takes its parts with it.

>>> from search_spaces.registry import space
>>> check_decided_once(space("batch_size"), StudySettings(search={"loss.temperature": ""}))
>>> check_decided_once(space("batch_size"), StudySettings(search={"steps": "100,200"}))  # doctest: +ELLIPSIS
Traceback (most recent call last):
trainables.errors.UserError: steps is searched, but it is what the levels of the factor 'batch' of ... set: leave it ...
"""

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from search_spaces.space import Level, Space
from study.plan.template import factor_levels, searched_factors
from study.settings import CLUSTER, StudySettings
from trainables.errors import UserError
from trainables.options import flat


@dataclass(frozen=True)
class _Decider:
    """One who decides options; `says` goes on after the name of one, as in "steps is searched"."""

    says: str
    keys: Set[str]
    layer: Literal["fixed", "searched", "branch"]
    factor: str = ""
    """The factor of the space that it is."""


def check_decided_once(space: Space, settings: StudySettings) -> None:
    """Raises UserError for an option that two decide, of whom one would not be followed.

    Args:
        space: with its branches as they were asked for, and without the factors that the user decides otherwise.
        settings: what the user fixes, crosses and searches.
    """
    for one, other in combinations(_deciders(space, settings), 2):
        # A branch is what it is at every level; only a search would change it.
        if "branch" in (one.layer, other.layer) and "searched" not in (one.layer, other.layer):
            continue
        for key in sorted(one.keys & other.keys):
            raise UserError(f"{key} {one.says}, but it {other.says}: {_remedy(key, one, other)}.")
        for whole, part in ((one, other), (other, one)):
            if whole.layer == "searched" and part.layer != "searched":
                _check_parts(whole, part)


def _check_parts(whole: _Decider, part: _Decider) -> None:
    found = [(key, inner) for key in sorted(whole.keys) for inner in sorted(part.keys) if inner.startswith(f"{key}.")]
    for key, inner in found:
        both = ", or search levels that name both (search_factor: in --config)" if part.layer == "fixed" else ""
        raise UserError(f"{key} {whole.says} and would replace {inner}, which {part.says}: leave it out{both}.")


def _deciders(space: Space, settings: StudySettings) -> Iterator[_Decider]:
    yield _Decider("is set", settings.set.keys(), "fixed")
    yield _Decider("is searched", settings.search.keys(), "searched")
    for name, levels in settings.factor.items():
        keys = _keys(factor_levels(name, levels))
        says = "is a factor" if keys == {name} else f"is what the levels of the factor {name!r} set"
        yield _Decider(says, keys, "fixed")
    for name, patches in searched_factors(settings).items():
        keys = {key for patch in patches.values() for key in patch}
        says = "is a searched factor" if keys == {name} else f"is what the levels of the searched factor {name!r} set"
        yield _Decider(says, keys, "searched")
    for factor in space.factors:
        says = f"is what the levels of the factor {factor.name!r} of the space {space.name} set"
        yield _Decider(says, _keys(factor.levels), "fixed", factor.name)
    for branch in space.branches:
        yield _Decider(f"is what makes {branch.name} what it is", flat(branch.patch).keys(), "branch")


def _keys(levels: Collection[Level]) -> Set[str]:
    """What levels decide, on a cluster, too."""
    options = {key for level in levels for key in level.patch}
    return options | {f"{CLUSTER}.{key}".replace("-", "_") for level in levels for key in level.cluster}


def _remedy(key: str, one: _Decider, other: _Decider) -> str:
    if other.layer == "branch":
        return "leave it out, or name the other arms alone (--arms)"
    if not other.factor:
        return "let one of them decide it"
    # What is searched cannot be a factor of the same name as well.
    if one.layer == "searched" and other.factor == key:
        return "leave it out"
    return f"leave it out, or give levels of your own (factor: {other.factor}: in --config)"
