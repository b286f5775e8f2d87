"""Records of a file, and the rules that ids, texts and languages in them must obey."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from trainables.corpora.languages import EXAMPLES, language_code, language_of_territory
from trainables.errors import UserError

LONGEST_TEXT = 1_000_000
"""Characters of a text; an encoder reads some thousands of them."""

LANGUAGE_COLUMNS = ("language", "lang")
PARALLEL = "parallel_id"
GROUP = "group"
EVERYWHERE = (*LANGUAGE_COLUMNS, PARALLEL, GROUP)
"""Columns that any layout of records may have."""


@dataclass(frozen=True)
class Record:
    """One record of a file."""

    where: str
    """Its place, for messages: `file:line` or `file, row n`."""
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A pair of languages: of questions and of passages."""

    query: str
    passage: str


@dataclass
class Reading:
    """What is known of a file beside its content, and what is noticed while it is read."""

    file: str
    languages: Pair | None = None
    """Those of its texts, where records do not say."""
    among_languages: bool = False
    """Whether files of other languages belong to the same set."""
    spellings: dict[str, set[str]] = field(default_factory=dict)
    """How the file writes the code of each language."""
    notes: Counter[str] = field(default_factory=Counter)
    """How often something was left out, by what it is."""

    def code(self, where: str, written: Any) -> str:
        """The one code of a language; raises UserError."""
        try:
            code = language_code(written if isinstance(written, str) else "")
        except ValueError as error:
            meant = language_of_territory(written) if isinstance(written, str) else None
            hint = f" (did you mean {meant}?)" if meant else ""
            raise UserError(
                f"{where}: the language is {shown(written)}{hint}: give a language code {EXAMPLES}."
            ) from error
        self.spellings.setdefault(code, set()).add(written)
        return code

    def of(self, record: Record) -> Pair:
        """The languages of a record: those of its column, else those of the file; raises UserError."""
        for name in LANGUAGE_COLUMNS:
            if name in record.fields:
                code = self.code(record.where, record.fields[name])
                return Pair(code, code)
        return self.known(record.where)

    def known(self, where: str | None = None) -> Pair:
        """The languages of the file; raises UserError where nothing says them, of what stands at a place or of all."""
        if self.languages is None:
            raise UserError(
                f"{where or self.file}: nothing says in which language its texts are: give --train-language en (or "
                "en:de for questions in en and passages in de), add a column `language`, or name the file like "
                "train.en.jsonl."
            )
        return self.languages


def required(record: Record, name: str) -> Any:
    """A field of a record; raises UserError where it is missing."""
    if name not in record.fields:
        near = get_close_matches(name, record.fields, n=1)
        remedy = f"is {near[0]!r} meant? Rename it" if near else "add it"
        raise UserError(f"{record.where}: the field {name!r} is missing: {remedy} (it has {', '.join(record.fields)}).")
    return record.fields[name]


def identifier(record: Record, name: str) -> str:
    """A field that holds an id; raises UserError."""
    value = required(record, name)
    # Tables often number their items; True would pass for a number.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{record.where}: {name!r} is {shown(value)}: give a string that is not empty, or an integer.")
    return encodable(record.where, name, value)


def first_identifier(record: Record, names: Sequence[str], otherwise: str) -> str:
    """The id in the first of some fields that the record has; raises UserError where it is none."""
    return next((identifier(record, name) for name in names if record.fields.get(name) is not None), otherwise)


def text(where: str, name: str, value: Any) -> str:
    """A text that is not empty; raises UserError."""
    if not isinstance(value, str):
        raise UserError(f"{where}: the {name} is {shown(value)}: give a string.")
    if len(value) > LONGEST_TEXT:
        raise UserError(f"{where}: the {name} has {len(value):,} characters: cut it into texts of {LONGEST_TEXT:,}.")
    if is_empty(value):
        raise UserError(f"{where}: the {name} is empty: write its text, or null where there is none.")
    return encodable(where, name, value)


def is_empty(value: str) -> bool:
    """Whether a text has nothing that can be seen: format characters are as invisible as white space."""
    return all(character.isspace() or unicodedata.category(character) == "Cf" for character in value)


def texts(where: str, name: str, value: Any) -> list[str]:
    """A list of texts, of which none is empty; raises UserError."""
    if not isinstance(value, list | tuple):
        raise UserError(f"{where}: the {name} is {shown(value)}: give a list of strings.")
    return [text(where, f"{name}, number {number},", one) for number, one in enumerate(value, 1)]


def some_texts(where: str, name: str, value: Any, reading: Reading) -> tuple[str, ...]:
    """A list of negatives; empty ones, which mining leaves, are left out and counted."""
    found = value if isinstance(value, list | tuple) else [value]
    filled = [one for one in found if one is not None and not (isinstance(one, str) and is_empty(one))]
    reading.notes["empty negatives"] += len(found) - len(filled)
    return tuple(texts(where, name, filled))


def titled(title: Any, body: str) -> str:
    """A passage with its title in front, where it has one.

    >>> titled("Title", "Text."), titled("", "Text.")
    ('Title Text.', 'Text.')
    """
    return f"{title.strip()} {body}" if isinstance(title, str) and title.strip() else body


def encodable(where: str, name: str, value: str) -> str:
    """The same text; raises UserError where it cannot be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: the {name} holds half a character (surrogate \\u{ord(value[error.start]):04x}): repair the text."
        ) from error
    return value


def shown(value: Any) -> str:
    """A value as it stands in a message, with its type."""
    written = repr(value)
    return f"{written if len(written) <= 40 else written[:40] + '...'} ({type(value).__name__})"
