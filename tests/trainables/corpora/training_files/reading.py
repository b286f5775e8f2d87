"""Training files written and read in a test."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from trainables.corpora.pair_files import Asked, TrainingSet
from trainables.corpora.training_sets import read_training
from trainables.errors import UserError

Content = str | bytes | Sequence[Mapping[str, Any]]


def write(folder: Path, files: Mapping[str, Content]) -> None:
    """Writes files by name; records are written as JSON lines."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(folder: Path, names: str | Iterable[str] = "", language: str = "", layout: str = "") -> dict[str, TrainingSet]:
    """Reads names below a folder; all of the folder by default."""
    asked = Asked.of(layout.split(), language.split())
    places = [names] if isinstance(names, str) else names
    return read_training([str(folder / name) for name in places], None, asked)


def only(sets: Mapping[str, TrainingSet]) -> TrainingSet:
    (one,) = sets.values()
    return one


def refused(folder: Path, *parts: str, **options: str) -> str:
    """The sentence with which a folder is refused; it names these parts."""
    with pytest.raises(UserError) as caught:
        read(folder, **options)
    message = str(caught.value).replace(f"{folder}/", "")
    assert all(part in message for part in parts), message
    assert "\n" not in message
    assert message.endswith(".")
    return message
