"""MKQA: 10,000 questions in 26 languages, with short answers in each.

Answers that are no words (yes and no, numbers, dates without a text) are null in the file; such questions, and those
that cannot be answered, are left out and counted.
"""

from collections.abc import Iterable, Iterator, Mapping

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.parallel_questions import parallel_question
from trainables.corpora.training_files.records import Reading, Record, identifier, required, shown
from trainables.errors import UserError

_IN_WORDS = ("entity", "short_phrase")


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        for name in ("queries", "answers"):
            if not isinstance(required(record, name), Mapping):
                raise UserError(
                    f"{record.where}: {name!r} is {shown(record.fields[name])}: give an object by language."
                )
        one = parallel_question(
            record,
            identifier(record, "example_id"),
            record.fields["queries"],
            {language: _first_text(found) for language, found in record.fields["answers"].items()},
            reading,
        )
        if one is not None:
            yield one


def _first_text(answers: object) -> str | None:
    for answer in answers if isinstance(answers, list) else ():
        if isinstance(answer, Mapping) and answer.get("type") in _IN_WORDS and answer.get("text"):
            return str(answer["text"])
    return None


LAYOUT = RecordLayout(
    name="mkqa",
    description="MKQA: parallel questions and short answers",
    fields="example_id, queries: {language: text}, answers: {language: [{type, text}]}",
    recognises=lambda fields: "example_id" in fields and "queries" in fields,
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in ("example_id", "queries", "answers")],
    ids_are_unique=True,
)
