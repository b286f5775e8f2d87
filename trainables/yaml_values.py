"""YAML whose words mean what they say: `off` and `no` are texts, 1e-3 is a number, a date is a text.

The numbers and the truth values are those of YAML 1.2. PyYAML reads version 1.1, in which `off` is false, `no` (a
language, too) is false, and 1e-3 is a text.

>>> load_yaml("early_stopping: off\\nrate: 1e-3\\nlanguage: no\\nbudget: none")
{'early_stopping': 'off', 'rate': 0.001, 'language': 'no', 'budget': None}
"""

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Also refuses a setting that is given twice, as the last one would win in silence, and aliases: some lines of them
    stand for more values than memory holds.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own registry, which is copied on writing)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias: yaml.AliasEvent = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"*{alias.anchor}: write the value itself", alias.start_mark)  # type: ignore[arg-type]
        found: yaml.Node | None = super().compose_node(parent, index)
        return found

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for position, (key, _) in enumerate(node.value):
            if key.value in names[:position]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|none|None|NONE|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    # PyYAML would take 010 for eight.
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def load_yaml(text: str) -> Any:
    """Returns the plain value of a YAML text. Raises yaml.YAMLError, and RecursionError for endless nesting."""
    return yaml.load(text, Loader=_Loader)
