"""What layouts of one language have in common: a record is a question with its positives and its hard negatives."""

from collections.abc import Iterator, Sequence

from trainables.corpora.training_files.layout import Example
from trainables.corpora.training_files.records import (
    GROUP,
    LANGUAGE_COLUMNS,
    PARALLEL,
    Reading,
    Record,
    first_identifier,
)
from trainables.errors import UserError


def question(
    record: Record, number: str, asked: str, positives: Sequence[str], negatives: tuple[str, ...], reading: Reading
) -> Iterator[Example]:
    """The examples of a question: one for each positive, all in one group.

    Records with one `parallel_id` are translations of each other, and so are their positives of one place. Other ids
    are not shared by languages: Mr. TyDi numbers the questions of every language from 1 on.

    Args:
        record: where it stands, and its columns for all layouts.
        number: what it is called where it has no `parallel_id`.
        asked: the question.
        positives: passages that answer it; raises UserError where there is none.
        negatives: passages that do not.
        reading: what is known of the file.
    """
    languages = reading.of(record)
    if not positives:
        raise UserError(f"{record.where}: the question has no positive passage: add one or drop the record.")
    in_several = reading.among_languages or any(name in record.fields for name in LANGUAGE_COLUMNS)
    if in_several and record.fields.get(PARALLEL) is None:
        number = f"{languages.query}:{number}"
    number = first_identifier(record, (PARALLEL,), number)
    group = first_identifier(record, (GROUP,), number)
    for place, positive in enumerate(positives, 1):
        yield Example(
            record.where,
            number if place == 1 else f"{number}.{place}",
            {languages.query: asked},
            {languages.passage: positive},
            {languages.passage: negatives} if negatives else {},
            group,
        )


def has_parallel_ids(fields: object) -> bool:
    """Whether files of different languages say which of their records are translations of each other."""
    return isinstance(fields, dict) and PARALLEL in fields
