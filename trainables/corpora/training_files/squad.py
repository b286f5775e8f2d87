"""SQuAD and what has its shape (XQuAD, MLQA, translate-train): a question and the paragraph that answers it.

Read are the JSON file (`{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question"}]}]}]}`) and the rows
of the hub (`id`, `title`, `context`, `question`). An article is a group. Files of different languages are joined by the
question's id; MLQA's names say two languages: `test-context-de-question-en.json`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.records import (
    EVERYWHERE,
    LANGUAGE_COLUMNS,
    Reading,
    Record,
    first_identifier,
    identifier,
    required,
    text,
)
from trainables.errors import UserError


def _recognises(fields: Mapping[str, Any]) -> bool:
    return isinstance(fields.get("data"), list) or {"context", "question"} <= set(fields)


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        if isinstance(record.fields.get("data"), list):
            yield from _articles(record, reading)
        else:
            yield _example(record, first_identifier(record, ("group", "title"), ""), reading)


def _articles(record: Record, reading: Reading) -> Iterator[Example]:
    for number, article in enumerate(record.fields["data"], 1):
        where = f"{record.where}, article {number}"
        paragraphs = _part(where, article, "paragraphs")
        for paragraph in paragraphs:
            for asked in _part(where, paragraph, "qas"):
                place = f"{where}, question {_part(where, asked, 'id')}"
                fields = {**asked, "context": _part(where, paragraph, "context")}
                yield _example(Record(place, fields), str(article.get("title") or number), reading)


def _part(where: str, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise UserError(f"{where}: {name!r} is missing: write articles with paragraphs, context, qas, id and question.")
    return value[name]


def _example(record: Record, group: str, reading: Reading) -> Example:
    languages = reading.of(record)
    number = identifier(record, "id")
    return Example(
        record.where,
        number,
        {languages.query: text(record.where, "question", required(record, "question"))},
        {languages.passage: text(record.where, "context", required(record, "context"))},
        group=group or number,
    )


LAYOUT = RecordLayout(
    name="squad",
    description="SQuAD and its translations: XQuAD, MLQA, translate-train",
    fields="data: [{title, paragraphs}], or rows of id, title, context, question",
    recognises=_recognises,
    examples=_examples,
    reads=lambda columns: [
        name for name in columns if name in ("data", "id", "title", "context", "question", *EVERYWHERE)
    ],
    joins=lambda fields: not any(name in fields for name in LANGUAGE_COLUMNS),
    groups_are_translated=True,
)
