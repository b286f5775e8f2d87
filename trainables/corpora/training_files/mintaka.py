"""Mintaka: questions in nine languages, answered by entities that have a name in each.

Questions whose answer is no entity (numbers, dates, yes and no) have none in words, and are left out and counted.
"""

from collections.abc import Iterable, Iterator, Mapping

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.parallel_questions import parallel_question
from trainables.corpora.training_files.records import Reading, Record, identifier, required, shown
from trainables.errors import UserError


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        translations, answer = required(record, "translations"), required(record, "answer")
        if not isinstance(translations, Mapping) or not isinstance(answer, Mapping):
            wrong = "answer" if isinstance(translations, Mapping) else "translations"
            raise UserError(f"{record.where}: {wrong!r} is {shown(record.fields[wrong])}: give an object.")
        entities = answer.get("answer")
        first = entities[0] if isinstance(entities, list) and entities else None
        labels = first.get("label") if isinstance(first, Mapping) else None
        one = parallel_question(
            record,
            identifier(record, "id"),
            {"en": record.fields.get("question"), **translations},
            labels if isinstance(labels, Mapping) else {},
            reading,
        )
        if one is not None:
            yield one


LAYOUT = RecordLayout(
    name="mintaka",
    description="Mintaka: parallel questions and the names of what answers them",
    fields="id, question, translations: {language: text}, answer: {answer: [{label: {language: text}}]}",
    recognises=lambda fields: "question" in fields and "translations" in fields,
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in ("id", "question", "translations", "answer")],
    ids_are_unique=True,
)
