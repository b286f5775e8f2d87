"""The texts of the questions, where a study has kept them."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.facts.records import StudyRecords
from study.records import TEXTS

COLUMNS = ["benchmark", "parallel_id", "language", "text"]


def question_texts(study: StudyRecords, benchmark: str, language: str) -> dict[str, str]:
    """Returns the text of every question of a benchmark by its id, in `language` where it has one, else in another.

    Empty if the study kept no texts. A damaged file is named among the study's problems and left out.
    """
    try:
        table = pq.read_table(BytesIO(study.study.folder.read_bytes(TEXTS)), columns=COLUMNS)
    except FileNotFoundError:
        return {}
    except (pa.ArrowInvalid, OSError) as error:
        study.says(f"{study.location}/{TEXTS} is damaged and was left out ({error})")
        return {}
    frame = table.to_pandas()
    frame = frame[frame["benchmark"] == benchmark].astype({"parallel_id": str})
    # Other languages in a fixed order, the wished one last: the later text counts.
    order = frame["language"].ne(language).astype(str) + frame["language"].astype(str)
    frame = frame.assign(order=order).sort_values("order", ascending=False, kind="stable")
    return dict(zip(frame["parallel_id"], frame["text"].astype(str), strict=True))
