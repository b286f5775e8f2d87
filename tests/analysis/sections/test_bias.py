from pathlib import Path

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import FEW_ARMS, StudyPlan, edit, write_study_files


@pytest.mark.parametrize(
    ("setting", "harm"),
    [("monolingual", "a first hit in another one"), ("multilingual", "a wrong first hit in the own one")],
)
def test_the_question_says_which_first_hits_are_harm(tmp_path: Path, setting: str, harm: str) -> None:
    study = write_study_files(tmp_path, StudyPlan(arms=FEW_ARMS, search_trials=1))
    edit(study / "study.json", lambda values: values["objectives"][0].update(metric=f"{setting}/map"))
    table = build_report([str(study)]).table("preference_atlas")
    assert any(harm in note for note in table.notes)
    assert [row["first_wrong_own"] for row in table.records()] == pytest.approx([0.3] * len(FEW_ARMS))
