"""What the answer says of rivals that cost no training."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import ARMS, StudyPlan, edit_arms, write_study_files

MONO, *_, STATIC, DYNAMIC, _ = ARMS
RIVAL = replace(MONO, name="X-X-mono, centred", role="control", of="X-X-mono")
TWIN = replace(DYNAMIC, name="best dynamic, centred", role="control", of="best dynamic", multi=3.0)


def answer(folder: Path, *more) -> str:
    plan = StudyPlan(arms=(MONO, STATIC, DYNAMIC, *more), search_trials=1, questions=60)
    study = write_study_files(folder, plan)
    edit_arms(study, lambda arms: [judged_anew(arm) if arm["arm"].endswith("centred") else arm for arm in arms])
    return build_report([str(study)]).answer


def judged_anew(arm):
    return arm | {"config": arm["config"] | {"evaluation": {"centred": True}}}


@pytest.mark.parametrize(
    ("multi", "said"),
    [
        (-1.0, "Best dynamic beats X-X-mono, centred (difference +"),
        (DYNAMIC.multi, "could not be told from best dynamic"),
        (3.0, "does better than best dynamic, without a schedule and at no cost of training"),
    ],
)
def test_the_answer_says_how_the_best_schedule_stands_to_what_costs_nothing(tmp_path, multi, said):
    rival = replace(RIVAL, mono=DYNAMIC.mono, cross=DYNAMIC.cross, multi=multi)
    found = answer(tmp_path, rival)
    assert said in found
    assert "which cost no" not in found, "one rival, said as if there were several"


def test_a_control_that_is_trained_is_no_free_rival(tmp_path):
    found = answer(tmp_path, replace(RIVAL, name="X-X-mono, trained otherwise"))
    assert "cost of training" not in found
    assert "no training" not in found


def test_what_is_made_of_the_schedule_itself_is_no_rival_of_it(tmp_path):
    assert "cost of training" not in (found := answer(tmp_path, TWIN))
    assert "no training" not in found
