"""Where the answer of a report looks."""

from pathlib import Path
from typing import Any

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import FEW_ARMS, StudyPlan, edit, edit_arms, write_study_files


@pytest.mark.slow
@pytest.mark.parametrize("models", [("small",), ("small", "large")], ids=["one model", "two models"])
def test_an_objective_over_all_settings_is_answered_where_all_languages_compete(
    tmp_path: Path, models: tuple[str, ...]
) -> None:
    """As the study itself does when it looks at its own results: no setting is called `overall`."""
    plans = [StudyPlan(name=model, arms=FEW_ARMS, models=(model,), search_trials=1) for model in models]
    studies = [write_study_files(tmp_path, plan) for plan in plans]
    answer = build_report(list(map(str, studies))).answer
    assert "multilingual" in answer
    for study in studies:
        edit(study / "study.json", lambda values: values["objectives"][0].update(metric="overall/map"))
    assert build_report(list(map(str, studies))).answer == answer


def test_both_winners_are_named_with_their_ratio(tmp_path: Path) -> None:
    study = write_study_files(tmp_path, StudyPlan(arms=FEW_ARMS))
    ratios = {"best static": "constant 0.3", "best dynamic": "linear 0 → 0.8"}

    def describe(arms: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [arm | {"description": ratios.get(arm["arm"], ""), "chosen_from": "search-linear-000"} for arm in arms]

    edit_arms(study, describe)
    answer = build_report([str(study)]).answer
    assert "best dynamic (α linear 0 → 0.8" in answer
    assert "best static (α constant 0.3" in answer
