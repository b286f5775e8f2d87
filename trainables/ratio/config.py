"""From plain values to the config of a family: its `family` field names one of the registered families.

What a user asks for must name a registered family. What a record names may be the family of a
plugin that is not loaded here: it is kept as it is (`UnregisteredFamily`), can be shown and cannot be trained.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, SerializeAsAny, ValidationError, ValidationInfo

from trainables.errors import UserError, rule_in, unknown_name
from trainables.ratio.family import Family
from trainables.ratio.unregistered import UnregisteredFamily
from trainables.registry import RECORDED, Registry


def _name(family: type[Family]) -> str:
    field = family.model_fields.get("family")
    if field is None or not isinstance(field.default, str):
        raise UserError(
            f"The ratio family {family.__name__} has no name: give it a field such as "
            f'family: Literal["{family.__name__.lower()}"] = "{family.__name__.lower()}".'
        )
    return field.default


FAMILIES: Final[Registry[type[Family]]] = Registry("ratio family", _name)
"""The families by name; registry.py holds the built-in ones, plugins add theirs."""


def by_name(value: Any, info: ValidationInfo) -> Any:
    """The config of the family that a mapping or a text names; anything else as it is. Raises ValueError for others."""
    if isinstance(value, str):
        value = ratio_values(value)
    if not isinstance(value, Mapping):
        return value
    name = str(value.get("family"))
    if name in FAMILIES:
        return FAMILIES[name].model_validate(dict(value), context=info.context)
    if "family" in value and info.context == RECORDED:
        return UnregisteredFamily.model_validate(dict(value))
    raise ValueError(str(unknown_name(FAMILIES.noun, name, FAMILIES)))


RatioConfig = Annotated[SerializeAsAny[Family], BeforeValidator(by_name)]
"""The type of a config field that holds any family."""


def ratio_values(text: str) -> dict[str, str]:
    """Reads a family with its parameters, by position or by name, as plain values.

    >>> ratio_values("linear(0.2, end=0.8)")
    {'family': 'linear', 'start': '0.2', 'end': '0.8'}

    Raises:
        ValueError: an unknown family, or text that is none.
    """
    match = re.fullmatch(r"\s*([\w-]+)\s*(?:\(([^()]*)\))?\s*", text)
    if match is None:
        raise ValueError("a ratio is written as a family with its parameters, such as linear(0.2, 0.8)")
    if match[1] not in FAMILIES:
        raise ValueError(str(unknown_name(FAMILIES.noun, match[1], FAMILIES)))
    fields = [name for name in FAMILIES[match[1]].model_fields if name != "family"]
    values = {"family": match[1]}
    for place, part in enumerate(part.strip() for part in (match[2] or "").split(",") if part.strip()):
        name, given, value = part.partition("=")
        if not given and place >= len(fields):
            raise ValueError(f"{match[1]} has {len(fields)} parameters ({', '.join(fields)}), not more")
        values |= {name.strip(): value.strip()} if given else {fields[place]: part}
    return values


def ratio_config(values: Mapping[str, Any]) -> Family:
    """Builds the config of a family from what a user asked for.

    >>> ratio_config({"family": "linear", "start": 1, "end": 0}).summary()
    'linear 1 → 0'

    Raises:
        UserError: an unknown family or field, a value out of range or missing.
    """
    family = FAMILIES.find(str(values.get("family")))
    try:
        return family.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        value = "" if isinstance(first["input"], Mapping) else f" is {first['input']!r}"
        subject = f" {where}{value}:" if where else ""
        fields = ", ".join(field for field in family.model_fields if field != "family")
        rule = rule_in(first)
        raise UserError(f"Ratio family {_name(family)}:{subject} {rule}; its fields are {fields}.") from error
