"""Which encoders the measure phase of a study measures, and which of them twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from study.cluster.measuring import Measuring, Tell
from study.plan.budget import Budget
from study.study_folder import open_study
from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files
from tests.study.planted import Planted, study_in_folder
from trainables.errors import UserError
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.inputs import StudyInputs


@pytest.mark.parametrize("same_as", [None, "X-X-mono"])
def test_the_encoders_of_the_baseline_have_a_second_turn_under_whatever_name_they_were_trained(
    tmp_path: Path, same_as: str | None
) -> None:
    arms = [replace(arm, same_as=same_as) if arm.name == "best static" else arm for arm in FEW_ARMS]
    cells = ("small", "base")
    plan = StudyPlan(arms=arms, seeds=(0, 1), questions=2, search_trials=1, models=cells)
    study = open_study(str(write_study_files(tmp_path, plan)))
    nothing: dict = dict.fromkeys(("inputs", "query_texts"))
    jobs = Measuring(EfficiencyConfig(orders=3), "best static", **nothing).jobs(study)
    copies = {job.trial.id: job.trial for job in jobs if job.is_copy}
    assert sum(job.is_copy for job in jobs) == 3 * len(copies) == 3 * 2 * len(cells)
    assert {trial.arm for trial in copies.values()} == {same_as or "best static"}


def test_a_confirm_run_with_an_encoder_of_another_study_is_refused_by_name(tmp_path: Path) -> None:
    study = study_in_folder(Planted("best constant", 0), tmp_path / "study")
    data: dict = {"data": None}
    measuring = Measuring(EfficiencyConfig(), "best static", StudyInputs(by_token_key={}, **data), query_texts={})
    silent = Tell(began=lambda job: None, ended=lambda job, error: None, tick=lambda: None)
    resources: dict = {"resources": None}
    with pytest.raises(UserError, match=r"confirm-.*none of the study's"):
        measuring.run(study, budget=Budget(), tell=silent, **resources)
