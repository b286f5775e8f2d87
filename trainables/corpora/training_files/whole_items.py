"""Whole items: one record per item, with its question and its passage in every language that it has.

`{"id", "group", "query": {language: text}, "passage": {language: text}, "negatives": {language: [text, ...]}}`; `group`
and `negatives` are optional.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.records import (
    GROUP,
    Reading,
    Record,
    first_identifier,
    identifier,
    required,
    shown,
    some_texts,
    text,
)
from trainables.errors import UserError

_FIELDS = ("id", "group", "query", "passage", "negatives")


def _recognises(fields: Mapping[str, Any]) -> bool:
    sides = [fields[name] for name in ("query", "passage") if name in fields]
    return "id" in fields and bool(sides) and not all(isinstance(side, str) for side in sides)


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        number = identifier(record, "id")
        negatives = record.fields.get("negatives") or {}
        if not isinstance(negatives, Mapping):
            raise UserError(
                f'{record.where}: \'negatives\' is {shown(negatives)}: give an object of lists, {{"en": ["..."]}}.'
            )
        yield Example(
            record.where,
            number,
            _texts_by_language(record, "query", reading),
            _texts_by_language(record, "passage", reading),
            {
                reading.code(record.where, language): some_texts(record.where, "negatives", found, reading)
                for language, found in negatives.items()
                if found is not None
            },
            first_identifier(record, (GROUP,), number),
        )


def _texts_by_language(record: Record, name: str, reading: Reading) -> dict[str, str]:
    value = required(record, name)
    if not isinstance(value, Mapping):
        raise UserError(
            f'{record.where}: {name!r} is {shown(value)}: give an object of texts by language, {{"en": "..."}} '
            "(records with one language each need pair_id, language, query, passage)."
        )
    found: dict[str, str] = {}
    for written, one in value.items():
        if one is None:
            continue
        language = reading.code(record.where, written)
        if language in found:
            raise UserError(
                f"{record.where}: the {name} has language {language!r} twice, the second time as {written!r}, which is "
                "the same language: keep one."
            )
        found[language] = text(record.where, f"{name} in {language!r}", one)
    if not found:
        raise UserError(f"{record.where}: the {name} has no text in any language: add one or drop the item.")
    return found


LAYOUT = RecordLayout(
    name="whole_items",
    description="this project's parallel items: one record per item, texts by language",
    fields="id, query: {language: text}, passage: {language: text}",
    recognises=_recognises,
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in _FIELDS],
    ids_are_unique=True,
)
