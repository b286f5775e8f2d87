"""sentence-transformers: pairs, triplets and n-tuples of texts in columns.

Its documentation names them `anchor`, `positive`, `negative`, or `negative_1`, `negative_2`, ... where there are
several (`mine_hard_negatives(output_format="n-tuple")`), and keeps the names of a data set for pairs: `query` and
`answer` (natural-questions), `question` and `answer` (gooaq). A pair of `query` and `passage` is read alike.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.questions import has_parallel_ids, question
from trainables.corpora.training_files.records import (
    EVERYWHERE,
    LANGUAGE_COLUMNS,
    PARALLEL,
    Reading,
    Record,
    first_identifier,
    required,
    some_texts,
    text,
)
from trainables.errors import UserError

_PAIRS = (
    ("anchor", "positive"),
    ("query", "positive"),
    ("query", "answer"),
    ("question", "answer"),
    ("query", "passage"),
)
_NEGATIVE = re.compile(r"negative(_\d+)?")
_IDS = ("id", "query_id", "qid")


def _pair(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    is_text = {name: value is None or isinstance(value, str) for name, value in fields.items()}
    return next((pair for pair in _PAIRS if is_text.get(pair[0]) and is_text.get(pair[1])), None)


def _recognises(fields: Mapping[str, Any]) -> bool:
    return "pair_id" not in fields and _pair(fields) is not None


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    pair: tuple[str, str] | None = None
    for number, record in enumerate(records, 1):
        if pair is None:
            pair = _pair(record.fields) or _PAIRS[0]
            _check_rows_of_one_item(record, pair)
        positive = text(record.where, pair[1], required(record, pair[1]))
        negatives = [record.fields[name] for name in record.fields if _NEGATIVE.fullmatch(name)]
        found = some_texts(record.where, "negative", negatives, reading)
        own = first_identifier(record, _IDS, str(number))
        asked = text(record.where, pair[0], required(record, pair[0]))
        yield from question(record, own, asked, [positive], found, reading)


def _check_rows_of_one_item(record: Record, pair: tuple[str, str]) -> None:
    """Texts in several languages without a word on which of them belong together would be each other's negatives."""
    if (
        any(name in record.fields for name in LANGUAGE_COLUMNS)
        and PARALLEL not in record.fields
        and pair[1] == "passage"
    ):
        raise UserError(
            f"{record.where}: rows of {pair[0]}, {pair[1]} and a language need a column pair_id: rows with one pair_id "
            "are translations of each other, and rows of their own each get one of their own."
        )


LAYOUT = RecordLayout(
    name="sentence_transformers",
    description="pairs and triplets of sentence-transformers",
    fields="anchor (query, question), positive (answer, passage)[, negative or negative_1, negative_2, ...]",
    recognises=_recognises,
    examples=_examples,
    reads=lambda columns: [
        name
        for name in columns
        if _NEGATIVE.fullmatch(name) or name in (*_IDS, *EVERYWHERE, *(one for pair in _PAIRS for one in pair))
    ],
    joins=has_parallel_ids,
)
