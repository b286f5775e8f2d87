"""What the arms are, in cells that can be read."""

from pathlib import Path

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import FEW_ARMS, StudyPlan, edit_arms, write_study_files


@pytest.mark.parametrize(
    ("count", "said"),
    [(3, "of.ratios [0.333333, 0.333333, 0.25]"), (400, "of.ratios (400 values, 0.333333 to 0.25, mean 0.333)")],
)
def test_the_ratios_of_another_training_are_summed_up_where_they_are_many(
    tmp_path: Path, count: int, said: str
) -> None:
    study = write_study_files(tmp_path, StudyPlan(arms=FEW_ARMS, questions=4, search_trials=1, with_queries=False))
    replay = {"family": "replay", "ratios": [1 / 3] * (count - 1) + [0.25]}

    def reverse(arm):
        other = {"config": arm["config"] | {"ratio": {"family": "reversed", "of": replay}}}
        return arm | (other if arm["arm"] == "best dynamic" else {})

    edit_arms(study, lambda arms: [reverse(arm) for arm in arms])
    table = build_report([str(study)]).table("arms")
    assert table is not None
    shown = {row["arm"]: str(row["schedule"]) for row in table.records()}
    assert shown["best dynamic"] == f"reversed, of.family replay, {said}"
    assert max(map(len, shown.values())) < 200
