"""The options of the trials of one branch in one cell: which are fixed, which are searched, and a whole configuration.

What is said more closely wins: the encoder's recipe, the space, what the user asks for, the branch. What the user asks
for decides an option once, and none that a factor of the space decides (`study.plan.decided_once`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from search_spaces.space import Branch, Cell, Level, Space
from study.settings import CLUSTER, StudySettings
from trainables.config import TrialConfig, trial_options
from trainables.encoders.base import EncoderConfig
from trainables.encoders.registry import encoder_config, resolve_encoder
from trainables.errors import UserError, rule_in
from trainables.options import flat, patched
from trainables.parameters import Choice, Integer, Parameter, Real
from trainables.ratio.config import ratio_values
from trainables.ratio.registry import FAMILIES


@dataclass(frozen=True)
class Template:
    """Everything about the trials of a branch in a cell but what is chosen for each."""

    values: Mapping[str, Any]
    """Fixed options, nested."""
    searched: Mapping[str, Parameter]
    """Searched options by dotted key; of a searched factor the labels of its levels."""
    first: Mapping[str, Any]
    """What is tried first of `searched`."""
    levels: Mapping[str, Mapping[str, Mapping[str, Any]]]
    """Searched factors: the options of each level, by name of the factor and label."""

    @property
    def any_values(self) -> dict[str, Any]:
        """Some value of every searched option, for what must be checked before anything is chosen."""
        return {key: _middle(parameter) for key, parameter in self.searched.items()}

    @property
    def combined_levels(self) -> list[dict[str, Any]]:
        """Every combination of levels of the searched factors and of what is chosen from a list and may not go with the
        rest, such as sizes of the batch, or with the data, such as the metric that a controller follows; one without
        any if there are none.
        """
        options = {
            key: parameter.options
            for key, parameter in self.searched.items()
            if isinstance(parameter, Choice) and (key in self.levels or key.startswith(_CHECKED))
        }
        return [dict(zip(options, chosen, strict=True)) for chosen in product(*options.values())]

    def options(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the options that chosen values of `searched` stand for, by dotted key."""
        patch: dict[str, Any] = {}
        for key, value in chosen.items():
            patch |= self.levels[key][value] if key in self.levels else {key: value}
        return patch

    def config(self, chosen: Mapping[str, Any], seed: int) -> TrialConfig:
        """Returns the configuration at chosen values of `searched`; raises UserError where they do not go together."""
        return checked_config({**with_patch(self.values, self.options(chosen)), "seed": seed})


_CHECKED = ("ratio.", "batches.", "loss.", "compute.", "evaluation.", "encoder.lora.", "encoder.image.")


def checked_config(values: Mapping[str, Any]) -> TrialConfig:
    """Returns the configuration of nested values. Raises UserError that names the option and the rule."""
    try:
        return TrialConfig.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError, *within: str) -> UserError:
    """What is wrong first, by the dotted key of where it is, and the option that can be set there, if there is one."""
    problem = error.errors()[0]
    parts = [*within, *map(str, problem["loc"])] if problem["loc"] else []
    if problem["type"] == "extra_forbidden":
        kind = ".".join(parts[:-1])
        return UserError(f"{'.'.join(parts)} is set, which the {kind} that was chosen has not: leave it out.")
    options = trial_options()
    # A group of options, or a member of a list, has no value of its own that could be set.
    option = next((one for n in range(len(parts), 0, -1) if (one := ".".join(parts[:n])) in options), None)
    rule = rule_in(problem).rstrip(".")
    remedy = f"; give another value with --set {option}" if option else ""
    return UserError(f"{'.'.join(parts)}: {rule}{remedy}." if parts else f"{rule}.")


_REVISION = "encoder.revision"


def with_patch(values: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with a patch laid over them; what names an encoder or a ratio stands for all of its options.

    Raises UserError for an encoder that does not exist, and for a revision without the encoder that it is of.
    """
    ordered = dict(sorted(patch.items(), key=lambda item: item[0].count(".")))
    encoder = ordered.get("encoder")
    if isinstance(encoder, str):
        # Pooling, prompts and lengths are those of the revision, too.
        ordered["encoder"] = resolve_encoder(encoder, ordered.pop(_REVISION, None)).model_dump()
    elif encoder is not None:
        ordered["encoder"] = encoder_config(encoder).model_dump()
    elif _REVISION in ordered and "encoder" in values:
        raise UserError(
            f"{_REVISION} is {ordered[_REVISION]!r} without an encoder beside it, and what a checkpoint declares is "
            "read with its name: name the encoder, too, or cross the study with the revision."
        )
    if isinstance(ordered.get("ratio"), str):
        ordered["ratio"] = ratio_values(ordered["ratio"])
    return patched(values, ordered)


def encoder_of(settings: StudySettings, space: Space, cell: Cell) -> EncoderConfig:
    """Returns the encoder of a cell. Raises UserError for one that does not exist."""
    return encoder_in({**space.patch, **settings.set, **cell.patch})


def encoder_in(patch: Mapping[str, Any]) -> EncoderConfig:
    """Returns the encoder that a patch names, with its options there. Raises UserError for one that does not exist."""
    own = {key: value for key, value in patch.items() if key.split(".")[0] == "encoder"}
    try:
        return encoder_config(with_patch({}, own)["encoder"])
    except ValidationError as error:
        raise _refusal(error, "encoder") from error


def template_of(
    settings: StudySettings, space: Space, cell: Cell, patch: Mapping[str, Any], branch: Branch | None = None
) -> Template:
    """Returns the template of a branch in a cell, or of a fixed arm.

    Args:
        settings: what the user fixes, searches and crosses.
        space: options of every trial.
        cell: the levels of the factors.
        patch: the options that make the branch or the arm what it is.
        branch: what is searched; None: a fixed arm, of which nothing is.

    Raises:
        UserError: options do not go together, or a family or an encoder does not exist.
    """
    encoder = encoder_of(settings, space, cell)
    recipe = encoder.recipe
    fixed = {**space.patch, **settings.set, **cell.patch}
    family = str(with_patch({}, patch)["ratio"]["family"])
    # An option of a ratio belongs to the families that have it.
    ours = {
        key: value
        for key, value in fixed.items()
        if not key.startswith("ratio.") or key.removeprefix("ratio.") in FAMILIES[family].model_fields
    }
    # What is said of the encoder is in it.
    others = {key: value for key, value in ours.items() if not key.startswith("encoder.")}
    values = with_patch(with_patch(with_patch({}, recipe.values), {**others, "encoder": encoder}), patch)
    said = {**ours, **patch}
    searched: dict[str, Parameter] = {}
    first: dict[str, Any] = {}
    if branch is not None:
        searched |= {key: one for key, one in branch.searched.items() if key not in ours}
        first |= {key: value for key, value in branch.first.items() if key in searched}
    for key, one in recipe.searched.items():
        if key not in said:
            searched[key], first[key] = one, recipe.first[key]
    for key, text in settings.search.items():
        searched[key] = search_range(key, text)
        first.setdefault(key, _usual(key, searched[key], flat(values)))
    levels = searched_factors(settings)
    for name, patches in levels.items():
        searched[name] = Choice(tuple(patches))
        first[name] = next(iter(patches))
    found = Template(values, searched, {k: v for k, v in first.items() if k in searched}, levels)
    if branch is None:
        # A fixed arm is not searched: what it leaves open is as it would be tried first.
        return Template(with_patch(values, {**found.options(found.first), **patch}), {}, {}, {})
    return found


def searched_factors(settings: StudySettings) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The factors that are searched instead of crossed: the options of each level, by name and label."""
    return {
        name: {level.label: _searched(name, level).patch for level in factor_levels(name, levels)}
        for name, levels in settings.search_factor.items()
    }


def _searched(name: str, level: Level) -> Level:
    """The level; raises UserError for one with a cluster of its own, which only levels that cross a study can have."""
    if level.cluster:
        raise UserError(
            f"--search-factor {name}, level {level.label}: a level that is searched cannot ask for a cluster of its "
            "own; leave that out, or cross the branches with it (factor: in --config)."
        )
    return level


def factor_levels(name: str, levels: Any) -> tuple[Level, ...]:
    """Returns the levels of a factor that was asked for: values of one option, or bundles of options by label.

    Raises UserError for two levels of one label.
    """
    if isinstance(levels, Mapping):
        return tuple(_bundle(str(label), options) for label, options in levels.items())
    found = tuple(Level(label=_label(name, value), patch={name: value}) for value in levels)
    labels = [level.label for level in found]
    twice = next((label for place, label in enumerate(labels) if label in labels[:place]), None)
    if twice is not None:
        raise UserError(f"Two levels of {name} would both be called {twice!r}: give each a name of its own.")
    return found


def _bundle(label: str, options: Mapping[str, Any]) -> Level:
    patch = {key: value for key, value in options.items() if key != CLUSTER}
    return Level(label=label, patch=patch, cluster=options.get(CLUSTER, {}))


def _label(name: str, value: Any) -> str:
    if name == "encoder":
        return encoder_config(value).name.rstrip("/").rsplit("/", 1)[-1]
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def search_range(key: str, text: str) -> Parameter:
    """Returns what is searched: `low..high`, `low..high:log`, `one,two,three`, or the declared range if it is empty.

    >>> search_range("loss.temperature", "0.02..0.08:log"), search_range("batches.size", "24,48")
    (Real(low=0.02, high=0.08, log=True), Choice(options=(24, 48)))

    Raises:
        UserError: the text is nothing of these, or it is empty and the option declares no range.
    """
    option = trial_options()[key]
    if not text:
        if option.option.searched is None:
            raise UserError(f"--search {key}: it has no usual range; give one, such as {key}=1..2 or {key}=a,b.")
        return option.option.searched
    match = re.fullmatch(r"(.+)\.\.([^:]+)(:log)?", text)
    try:
        if match is None:
            return Choice(tuple(_plain(part.strip()) for part in text.split(",")))
        low, high, log = match[1], match[2], match[3] is not None
        if option.field.annotation is int:
            return Integer(int(low), int(high), log)
        return Real(float(low), float(high), log)
    except ValueError as error:
        raise UserError(
            f"--search {key}={text}: {error}; give a range such as 0.01..0.1 or 0.01..0.1:log, or values such as a,b,c."
        ) from error


def _plain(text: str) -> str | int | float | bool:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _usual(key: str, parameter: Parameter, values: Mapping[str, Any]) -> Any:
    """What an option is where it is not searched, if that is within its range; else the middle."""
    usual = values.get(key, trial_options()[key].field.default)
    if isinstance(parameter, Choice):
        return usual if usual in parameter.options else parameter.options[0]
    return usual if isinstance(usual, int | float) and parameter.low <= usual <= parameter.high else _middle(parameter)


def _middle(parameter: Parameter) -> Any:
    match parameter:
        case Choice():
            return parameter.options[0]
        case Integer():
            return (parameter.low + parameter.high) // 2
        case Real():
            return (parameter.low * parameter.high) ** 0.5 if parameter.log else (parameter.low + parameter.high) / 2


def check_one_recipe(encoders: Iterable[EncoderConfig], settings: StudySettings) -> None:
    """Raises UserError where encoders that are searched as one factor would be trained by different recipes."""
    recipes = [encoder.recipe for encoder in encoders]
    open_values = [{k: v for k, v in recipe.values.items() if k not in settings.set} for recipe in recipes]
    open_ranges = [
        {k: v for k, v in recipe.searched.items() if k not in {*settings.set, *settings.search}} for recipe in recipes
    ]
    if any(found != open_values[0] for found in open_values) or any(found != open_ranges[0] for found in open_ranges):
        wanted = sorted({key for found in (*open_values, *open_ranges) for key in found})
        raise UserError(
            f"--search-factor: these encoders are usually trained in different ways; give {', '.join(wanted)} "
            "with --set or --search."
        )
