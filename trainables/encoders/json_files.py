"""Files of a checkpoint that are read whole: JSON, and what stands in the place of a file."""

import json
from pathlib import Path
from typing import Any

from trainables.errors import UserError

_LARGEST = 10_000_000
"""Bytes of a settings file; the largest seen is a shard index of a megabyte."""


_LFS_POINTER = b"version https://git-lfs"


def refuse_pointer(path: Path) -> None:
    """Raises UserError if a file is a pointer of Git LFS, which git leaves where the content was not fetched."""
    with path.open("rb") as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise UserError(
                f"{path} is a pointer of Git LFS and not the file itself: run git lfs pull, or fetch the file."
            )


def load_json(path: Path, largest: int = _LARGEST) -> Any:
    """Returns what a JSON file of at most so many bytes holds; raises UserError with the line of a mistake."""
    try:
        if path.stat().st_size > largest:
            raise UserError(f"{path} has more than {largest:,} bytes, too many for settings: fetch the file again.")
        refuse_pointer(path)
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno} is not JSON ({error.msg}): fetch the file again.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}): fetch the file again.") from error


def read_json(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a file; raises UserError with the line of a mistake."""
    value = load_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object: fetch the file again.")
    return value
