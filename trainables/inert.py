r"""Text that does nothing but stand there, wherever it is shown.

Text from files may hold characters that steer a terminal or turn the direction of reading. They become their escapes.

>>> inert("a\x1b[31m\u202eb")
'a\\x1b[31m\\u202eb'
"""

import re
from collections.abc import Mapping
from typing import Any

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tabs and line ends, marks and overrides of direction, halves of surrogate pairs."""


def inert(text: str) -> str:
    """Returns the text with escapes for what steers terminals and the direction of reading."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def inert_line(text: str) -> str:
    r"""Likewise on one line, which what stands there cannot end to begin one of its own.

    >>> inert_line("a\nb")
    'a b'
    """
    return inert(" ".join(text.splitlines()))


def inert_values(values: Any) -> Any:
    """Returns plain values, as JSON holds them, with every text in them inert."""
    if isinstance(values, str):
        return inert(values)
    if isinstance(values, Mapping):
        return {inert(str(name)): inert_values(value) for name, value in values.items()}
    if isinstance(values, list):
        return [inert_values(value) for value in values]
    return values
