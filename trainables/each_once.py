"""JSON objects in which a name stands twice: a plain dict would keep the last value and lose the others silently.

>>> import json
>>> json.loads('{"a": 1, "b": 2}', object_pairs_hook=each_once)
{'a': 1, 'b': 2}
>>> json.loads('{"a": 1, "a": 2}', object_pairs_hook=each_once)
Traceback (most recent call last):
trainables.each_once.RepeatedNameError: it gives a name twice
"""

from collections.abc import Iterable
from typing import Any


class RepeatedNameError(ValueError):
    """A name that stands twice in one object."""

    def __init__(self, name: str) -> None:
        super().__init__("it gives a name twice")
        self.name = name


def each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the names and values of an object as a dict; raises RepeatedNameError."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise RepeatedNameError(name)
        values[name] = value
    return values
