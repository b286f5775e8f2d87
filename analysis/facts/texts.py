"""The texts of the questions, where a study has kept them."""

from analysis.facts.records import StudyRecords


def question_texts(study: StudyRecords, benchmark: str, language: str) -> dict[str, str]:
    """Returns the text of every question of a benchmark by its id, in `language` where it has one, else in another.

    Empty if the study kept no texts. A damaged file is named among the study's problems and left out.
    """
    frame = study.study.texts()
    if frame is None:
        return {}
    frame = frame[frame["benchmark"] == benchmark].astype({"parallel_id": str})
    # Other languages in a fixed order, the wished one last: the later text counts.
    order = frame["language"].ne(language).astype(str) + frame["language"].astype(str)
    frame = frame.assign(order=order).sort_values("order", ascending=False, kind="stable")
    return dict(zip(frame["parallel_id"], frame["text"].astype(str), strict=True))
