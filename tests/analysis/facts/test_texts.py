"""The texts of the questions: read where a study kept them, in the language that was wished for."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import compare
from analysis.facts.facts import Facts
from analysis.facts.texts import question_texts

ROWS = [
    ("atlas", "q0000", "de", "Frage null"),
    ("atlas", "q0000", "en", "Question zero"),
    ("atlas", "q0001", "th", "คำถามหนึ่ง"),
    ("atlas", "q0001", "de", "Frage eins"),
    ("other", "q0000", "en", "Another question"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_study) -> Path:
    folder = write_study(tmp_path_factory.mktemp("studies"), questions=6)
    frame = pd.DataFrame(ROWS, columns=["benchmark", "parallel_id", "language", "text"])
    frame.to_parquet(folder / "texts.parquet")
    return folder


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", {"q0000": "Question zero", "q0001": "Frage eins"}),
        ("de", {"q0000": "Frage null", "q0001": "Frage eins"}),
        ("th", {"q0000": "Frage null", "q0001": "คำถามหนึ่ง"}),
        ("xx", {"q0000": "Frage null", "q0001": "Frage eins"}),
    ],
)
def test_a_question_has_its_text_in_the_wished_language_or_in_the_first_other_one(folder, language, expected):
    assert question_texts(Facts.of([str(folder)]).first, "atlas", language) == expected


def test_the_comparison_shows_and_writes_the_texts(folder, tmp_path, capsys):
    arguments = [str(folder), "best dynamic", "X-Y", "--language", "de", "--output", str(tmp_path)]
    assert compare.main(arguments) == 0
    out = capsys.readouterr().out
    assert "Frage null" in out
    assert "Question zero" not in out
    written = pd.read_csv(tmp_path / "questions_atlas_multilingual.csv").set_index("question")["text"]
    assert written["q0001"] == "Frage eins"
    assert written.drop(["q0000", "q0001"]).isna().all()


def test_without_texts_there_is_no_column_for_them(finished_study, tmp_path, capsys):
    assert compare.main([str(finished_study), "best dynamic", "X-Y", "--top", "1", "--output", str(tmp_path)]) == 0
    assert "text" not in pd.read_csv(tmp_path / "questions_atlas_multilingual.csv").columns


@pytest.mark.parametrize("content", [b"PAR1", b"", b"no parquet at all"])
def test_a_damaged_file_is_named_and_left_out(tmp_path, write_study, capsys, content):
    folder = write_study(tmp_path, questions=4)
    (folder / "texts.parquet").write_bytes(content)
    assert compare.main([str(folder), "best dynamic", "X-Y"]) == 0
    assert capsys.readouterr().out.count("texts.parquet is damaged and was left out") == 1


def test_a_file_without_the_columns_is_named_and_left_out(tmp_path, write_study):
    folder = write_study(tmp_path, questions=4)
    pd.DataFrame({"question": ["a"]}).to_parquet(folder / "texts.parquet")
    study = Facts.of([str(folder)]).first
    assert question_texts(study, "atlas", "en") == {}
    assert any("texts.parquet" in problem for problem in study.problems)
