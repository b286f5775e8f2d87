"""Parallel questions with short answers: what Mintaka and MKQA have in common."""

from collections.abc import Mapping

from trainables.corpora.training_files.layout import Example
from trainables.corpora.training_files.records import Reading, Record, text


def parallel_question(
    record: Record, number: str, questions: Mapping[str, object], answers: Mapping[str, object], reading: Reading
) -> Example | None:
    """A question in many languages and its answer in many languages; None, and counted, where there is no answer.

    Args:
        record: where it stands.
        number: what it is called.
        questions: by language; null where there is none.
        answers: by language; null where there is none.
        reading: what is known of the file.
    """
    asked = _filled(record, "question", questions, reading)
    answered = _filled(record, "answer", answers, reading)
    if not asked or not answered:
        reading.notes["questions without an answer in words"] += 1
        return None
    return Example(record.where, number, asked, answered)


def _filled(record: Record, name: str, found: Mapping[str, object], reading: Reading) -> dict[str, str]:
    return {
        reading.code(record.where, language): text(record.where, f"{name} in {language!r}", one)
        for language, one in found.items()
        if one is not None and one != ""
    }
