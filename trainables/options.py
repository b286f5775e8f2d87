"""The options of a trial as dotted keys, such as `optimiser.learning_rate`.

Every option is declared once, as a field of the configuration class of the module that reads it. What the command line,
the search and the methods paragraph want to know beyond type, default and description stands beside it as `Option`.
"""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainables.parameters import Parameter


@dataclass(frozen=True)
class Option:
    """What a field tells beyond its type, default and description; stands in its `Annotated` type."""

    flag: str = ""
    """Short name on the command line, without dashes; every option can be reached by its dotted key."""
    searched: Parameter | None = None
    """The range that is searched where the user asks for a search and names none."""
    phrase: str = ""
    """How the methods paragraph of a report says it, with `{}` for the value; empty: not said."""
    phrases: Mapping[str, str] = field(default_factory=dict)
    """The same for single values that need words of their own."""


@dataclass(frozen=True)
class Declared:
    """A declared option: its dotted key, its field and what the field tells of it."""

    key: str
    field: FieldInfo
    option: Option

    @property
    def is_list(self) -> bool:
        """Whether a value of it is a list of values."""
        return _origin(self.field.annotation) in (tuple, list, Sequence)

    def from_text(self, text: str) -> Any:
        """The value that a text on the command line stands for; whether it is a valid one is checked later.

        A list is written with commas, a mapping in braces as in YAML, nothing as `none`; a text stands for itself.
        """
        if self.field.annotation is str:
            return text
        if text.strip().lower() in ("none", "null"):
            return None
        if text.strip().startswith(("{", "[")):
            # Imported late: --help must not wait for it.
            from trainables.yaml_values import load_yaml

            return load_yaml(text)
        return [part.strip() for part in text.split(",")] if self.is_list else text.strip()


def declared(config: type[BaseModel], prefix: str = "") -> Iterator[Declared]:
    """The options of a configuration class and of the classes nested in it, in the order of their declaration.

    A nested class is a group of options, unless its field is an option itself.
    """
    for name, info in config.model_fields.items():
        option = next((one for one in info.metadata if isinstance(one, Option)), None)
        nested = _nested(info) if option is None else None
        if nested is not None:
            yield from declared(nested, f"{prefix}{name}.")
        else:
            yield Declared(prefix + name, info, option or Option())


def patched(values: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The nested values with those of a patch of dotted keys laid over them; neither is changed.

    >>> patched({"loss": {"temperature": 0.05, "symmetric": False}}, {"loss.temperature": 0.02, "steps": 3})
    {'loss': {'temperature': 0.02, 'symmetric': False}, 'steps': 3}
    """
    result = dict(values)
    for key, value in patch.items():
        head, _, rest = key.partition(".")
        inner = result.get(head)
        result[head] = patched(inner if isinstance(inner, Mapping) else {}, {rest: value}) if rest else value
    return result


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted key; what `patched` lays over an empty mapping to get them back.

    >>> flat({"loss": {"temperature": 0.02}, "steps": 3})
    {'loss.temperature': 0.02, 'steps': 3}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        found |= flat(value, f"{key}.") if isinstance(value, Mapping) and value else {key: value}
    return found


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _origin(annotation: Any) -> Any:
    """The generic type behind an annotation, `| None` left aside."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    return typing.get_origin(annotation)
