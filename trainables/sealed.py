"""JSON files that carry the checksum of their own content, so that a reader can tell a damaged one.

>>> from pydantic import BaseModel
>>> class Point(BaseModel):
...     x: float
>>> unsealed(sealed(Point(x=0.1)), Point)
Point(x=0.1)
>>> unsealed(sealed(Point(x=0.1)).replace(b"0.1", b"0.3"), Point)
Traceback (most recent call last):
ValueError: its checksum does not match its content
"""

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trainables.each_once import each_once
from trainables.errors import rule_in
from trainables.inert import inert_values
from trainables.registry import RECORDED
from trainables.storage import Folder

CHECKSUM = "sha256"

Content = TypeVar("Content", bound=BaseModel)


def sealed(content: BaseModel) -> bytes:
    """Returns the content as JSON with the checksum of all other fields as its last one."""
    values = content.model_dump(mode="json")
    return (
        json.dumps({**values, CHECKSUM: checksum(values)}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    ).encode()


def unsealed(text: bytes, kind: type[Content]) -> Content:
    """Returns what `sealed` wrote. Raises ValueError with the reason, to stand in a sentence, for anything else."""
    values = plain_json(text)
    if not isinstance(values, dict) or CHECKSUM not in values:
        raise ValueError("it has no checksum")
    if values.pop(CHECKSUM) != checksum(values):
        raise ValueError("its checksum does not match its content")
    return validated(values, kind)


def validated(values: Any, kind: type[Content]) -> Content:
    """Returns plain values as a record. Raises ValueError with the first reason why they are none."""
    try:
        # What stands in a record is shown in terminals and pages.
        return kind.model_validate(inert_values(values), context=RECORDED)
    except ValidationError as error:
        raise ValueError(_reason(error)) from error


def plain_json(text: bytes) -> Any:
    """Returns the value of a JSON text. Raises ValueError for any other text, for NaN, and for a name given twice."""
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=each_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def write_sealed(folder: Folder, name: str, content: BaseModel) -> None:
    """Writes a sealed file whole or not at all."""
    folder.write_bytes(name, sealed(content))


def read_sealed(folder: Folder, name: str, kind: type[Content]) -> Content:
    """Reads a sealed file; raises FileNotFoundError, and ValueError with the reason for a damaged one."""
    return unsealed(folder.read_bytes(name), kind)


def checksum(values: Any) -> str:
    """Returns the sha256 of plain JSON values, whatever the order of their names."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _no_number(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def _reason(error: ValidationError) -> str:
    problems = error.errors()
    missing = [".".join(map(str, one["loc"])) for one in problems if one["type"] == "missing"]
    if missing:
        return f"it lacks {', '.join(missing)}"
    place = ".".join(map(str, problems[0]["loc"]))
    rule = rule_in(problems[0])
    rule = rule[:1].lower() + rule[1:]
    return f"{place}: {rule}" if place else rule
