"""Flat rows: one record per item and language; the rows of one `pair_id` are translations of one item.

`{"pair_id", "group", "language", "query", "passage"}`; `group` is optional. The language of a file may also stand in
its name: `train.en.jsonl`, `train.de.jsonl`.
"""

from collections.abc import Iterable, Iterator

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.records import (
    EVERYWHERE,
    GROUP,
    LANGUAGE_COLUMNS,
    Reading,
    Record,
    first_identifier,
    identifier,
    required,
    text,
)
from trainables.errors import UserError

_FIELDS = ("pair_id", "query", "passage", *EVERYWHERE)


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        number = identifier(record, "pair_id")
        languages = reading.of(record)
        query, passage = required(record, "query"), required(record, "passage")
        if query is None and passage is None:
            raise UserError(f"{record.where}: both query and passage are empty: fill one of them or drop the row.")
        yield Example(
            record.where,
            number,
            {} if query is None else {languages.query: text(record.where, "query", query)},
            {} if passage is None else {languages.passage: text(record.where, "passage", passage)},
            group=first_identifier(record, (GROUP,), number),
        )


LAYOUT = RecordLayout(
    name="rows",
    description="this project's flat rows: one record per item and language",
    fields="pair_id, language, query, passage",
    recognises=lambda fields: "pair_id" in fields,
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in _FIELDS],
    required=("query", "passage"),
    joins=lambda fields: not any(name in fields for name in LANGUAGE_COLUMNS),
)
