"""FlagEmbedding (BGE): one question per record, with the lists `pos` and `neg` of texts."""

from collections.abc import Iterable, Iterator

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.questions import has_parallel_ids, question
from trainables.corpora.training_files.records import (
    EVERYWHERE,
    Reading,
    Record,
    first_identifier,
    required,
    some_texts,
    text,
    texts,
)

_IDS = ("id", "query_id")


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for number, record in enumerate(records, 1):
        positives = texts(record.where, "pos", required(record, "pos"))
        negatives = some_texts(record.where, "neg", record.fields.get("neg") or [], reading)
        own = first_identifier(record, _IDS, str(number))
        asked = text(record.where, "query", required(record, "query"))
        yield from question(record, own, asked, positives, negatives, reading)


LAYOUT = RecordLayout(
    name="flag_embedding",
    description="training data of FlagEmbedding (BGE)",
    fields="query, pos: [text, ...][, neg: [text, ...]]",
    recognises=lambda fields: "query" in fields and "pos" in fields,
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in ("query", "pos", "neg", *_IDS, *EVERYWHERE)],
    joins=has_parallel_ids,
)
