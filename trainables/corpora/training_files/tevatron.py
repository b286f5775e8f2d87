"""Tevatron, also Mr. TyDi and MIRACL on the hub: a question with lists of positive and negative passages.

A passage is `{"docid", "title", "text"}`; a title is put in front of its text, as Tevatron does.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.questions import has_parallel_ids, question
from trainables.corpora.training_files.records import (
    EVERYWHERE,
    Reading,
    Record,
    first_identifier,
    required,
    shown,
    some_texts,
    text,
    texts,
    titled,
)
from trainables.errors import UserError

_BY_ID = "positive_document_ids"
"""Tevatron 2 also names passages of a corpus that is a data set of its own."""


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for number, record in enumerate(records, 1):
        if _BY_ID in record.fields:
            raise UserError(
                f"{record.where} names its passages by {_BY_ID}, whose texts are in a corpus of its own, which is not "
                "read beside it: write the texts into query, positive_passages and negative_passages."
            )
        positives = texts(record.where, "positive passages", _passages(record, "positive_passages"))
        negatives = some_texts(record.where, "negative passages", _passages(record, "negative_passages"), reading)
        own = first_identifier(record, ("query_id",), str(number))
        asked = text(record.where, "query", required(record, "query"))
        yield from question(record, own, asked, positives, negatives, reading)


def _passages(record: Record, name: str) -> list[Any]:
    listed = required(record, name) if name == "positive_passages" else record.fields.get(name) or []
    if not isinstance(listed, list | tuple):
        raise UserError(f"{record.where}: {name} is {shown(listed)}: give a list of passages.")
    return [_text(record.where, name, one) for one in listed]


def _text(where: str, name: str, passage: Any) -> Any:
    if not isinstance(passage, Mapping) or not isinstance(passage.get("text"), str):
        raise UserError(f'{where}: a passage of {name} is {shown(passage)}: give {{"docid", "title", "text"}}.')
    return titled(passage.get("title"), passage["text"])


LAYOUT = RecordLayout(
    name="tevatron",
    description="training data of Tevatron; Mr. TyDi and MIRACL on the hub",
    fields="query_id, query, positive_passages: [{docid, title, text}, ...][, negative_passages]",
    recognises=lambda fields: "positive_passages" in fields or _BY_ID in fields,
    examples=_examples,
    reads=lambda columns: [
        name
        for name in columns
        if name in ("query_id", "query", "positive_passages", "negative_passages", _BY_ID, *EVERYWHERE)
    ],
    joins=has_parallel_ids,
)
