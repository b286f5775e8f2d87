"""Records of a pair file become items: the two forms of a file, and every rule that a record must obey.

*Whole items*: one record per item, `{"id", "group", "query": {language: text}, "passage": {language: text}}`.
*Rows*: one record per item and language, `{"pair_id", "group", "language", "query", "passage"}`; the rows of one
`pair_id` are translations of one item. `group` is optional in both forms: by default an item is a group of its own.
Null means absent; other fields are ignored. Language codes are brought into one form: `pt_br` is `pt-BR`.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from trainables.corpora.languages import language_code
from trainables.corpora.pairs import PairItem
from trainables.errors import UserError

LONGEST_TEXT = 1_000_000
"""Characters of a text; an encoder reads some thousands of them."""

FIELDS = ("id", "pair_id", "group", "language", "query", "passage")


@dataclass(frozen=True)
class Record:
    """One record of a file."""

    where: str
    """Its place, for messages: `file:line` or `file, row n`."""
    fields: Mapping[str, Any]


def items_from_records(file: str, records: Iterable[Record]) -> list[PairItem]:
    """Returns the items of a file, in the order in which their ids first occur; raises UserError.

    The first record's fields tell the form: `pair_id` for rows, `id` for whole items.
    """
    rest = iter(records)
    first = next(rest, None)
    if first is None:
        raise UserError(f"{file} holds no records: name a file with at least one question-passage pair.")
    if "pair_id" in first.fields:
        return _items_from_rows(chain([first], rest))
    if "id" in first.fields:
        return list(_whole_items(chain([first], rest)))
    raise UserError(
        f"{first.where} has the fields {', '.join(first.fields) or 'none'}: expected id, query, passage "
        "(one record per item) or pair_id, language, query, passage (one record per item and language)."
    )


def _whole_items(records: Iterable[Record]) -> Iterator[PairItem]:
    places: dict[str, str] = {}
    for record in records:
        identifier = _identifier(record, "id")
        if identifier in places:
            raise UserError(
                f"{record.where}: the id {identifier!r} was already used at {places[identifier]}: ids must be unique."
            )
        places[identifier] = record.where
        group = _group(record, identifier)
        yield PairItem(identifier, group, _texts_by_language(record, "query"), _texts_by_language(record, "passage"))


@dataclass
class _Rows:
    """The rows of one `pair_id`, while the file is read."""

    where: str
    group: str
    places: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    passage: dict[str, str] = field(default_factory=dict)


def _items_from_rows(records: Iterable[Record]) -> list[PairItem]:
    items: dict[str, _Rows] = {}
    for record in records:
        identifier = _identifier(record, "pair_id")
        group = _group(record, identifier)
        rows = items.setdefault(identifier, _Rows(record.where, group))
        if rows.group != group:
            raise UserError(
                f"{record.where}: pair_id {identifier!r} is in group {group!r} here and in group {rows.group!r} at "
                f"{rows.where}: give all its rows one group."
            )
        language = _language(record.where, _required(record, "language"))
        if language in rows.places:
            raise UserError(
                f"{record.where}: pair_id {identifier!r} has language {language!r} already at {rows.places[language]}: "
                "write one row per pair_id and language."
            )
        rows.places[language] = record.where
        query, passage = _required(record, "query"), _required(record, "passage")
        if query is None and passage is None:
            raise UserError(f"{record.where}: both query and passage are empty: fill one of them or drop the row.")
        if query is not None:
            rows.query[language] = _text(record.where, "query", query)
        if passage is not None:
            rows.passage[language] = _text(record.where, "passage", passage)
    for identifier, rows in items.items():
        for name, texts in (("query", rows.query), ("passage", rows.passage)):
            if not texts:
                raise UserError(f"{rows.where}: pair_id {identifier!r} has no {name} in any row: add one or drop it.")
    return [PairItem(identifier, rows.group, rows.query, rows.passage) for identifier, rows in items.items()]


def _required(record: Record, name: str) -> Any:
    if name not in record.fields:
        raise UserError(f"{record.where}: the field {name!r} is missing: add it (it has {', '.join(record.fields)}).")
    return record.fields[name]


def _identifier(record: Record, name: str) -> str:
    value = _required(record, name)
    # Tables often number their items; True would pass for a number.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{record.where}: {name!r} is {_shown(value)}: give a string that is not empty, or an integer.")
    return _encodable(record.where, name, value)


def _group(record: Record, identifier: str) -> str:
    return identifier if record.fields.get("group") is None else _identifier(record, "group")


def _texts_by_language(record: Record, name: str) -> dict[str, str]:
    value = _required(record, name)
    if not isinstance(value, Mapping):
        raise UserError(
            f'{record.where}: {name!r} is {_shown(value)}: give an object of texts by language, {{"en": "..."}} '
            "(records with one language each need pair_id, language, query, passage)."
        )
    texts: dict[str, str] = {}
    for written, text in value.items():
        if text is None:
            continue
        language = _language(record.where, written)
        if language in texts:
            raise UserError(
                f"{record.where}: the {name} has language {language!r} twice, the second time as {written!r}, which is "
                "the same language: keep one."
            )
        texts[language] = _text(record.where, f"{name} in {language!r}", text)
    if not texts:
        raise UserError(f"{record.where}: the {name} has no text in any language: add one or drop the item.")
    return texts


def _language(where: str, value: Any) -> str:
    try:
        return language_code(value if isinstance(value, str) else "")
    except ValueError as error:
        raise UserError(
            f"{where}: the language is {_shown(value)}: give a language code such as en, zh-TW or eng-Latn."
        ) from error


def _text(where: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UserError(f"{where}: the {name} is {_shown(value)}: give a string.")
    if len(value) > LONGEST_TEXT:
        raise UserError(f"{where}: the {name} has {len(value):,} characters: cut it into texts of {LONGEST_TEXT:,}.")
    # Format characters are as invisible as white space.
    if all(character.isspace() or unicodedata.category(character) == "Cf" for character in value):
        raise UserError(f"{where}: the {name} is empty: write its text, or null where there is none.")
    return _encodable(where, name, value)


def _encodable(where: str, name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: the {name} holds half a character (surrogate \\u{ord(value[error.start]):04x}): repair the text."
        ) from error
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:40] + '...'} ({type(value).__name__})"
