"""What the answer says where the best schedule and the best constant differ in more than the ratio."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import ARMS, ArmTruth, StudyPlan, edit_arms, write_study_files

*_, STATIC, DYNAMIC, _ = ARMS
SAME_MEAN = replace(STATIC, name="best dynamic, same mean", role="control", of="best dynamic")
DIFFER = "Beside their ratios they differ in learning rate (7.4e-05 and 3e-05)."
NO_CONTROL = "so that the difference need not be the schedule's"
CONTROL = "Best dynamic against best dynamic, same mean, which has its options and a constant ratio: "


def answer(folder: Path, rates: dict[str, float], *more: ArmTruth) -> str:
    study = write_study_files(folder, StudyPlan(arms=(STATIC, DYNAMIC, *more), search_trials=1, questions=60))

    def with_rate(arm):
        optimiser = arm["config"]["optimiser"] | {"learning_rate": rates[arm["arm"]]}
        return arm | {"config": arm["config"] | {"optimiser": optimiser}}

    edit_arms(study, lambda arms: [with_rate(arm) for arm in arms])
    return build_report([str(study)]).answer


def test_nothing_is_said_where_only_the_ratio_differs(tmp_path):
    found = answer(tmp_path, {"best static": 3e-5, "best dynamic": 3e-5})
    assert "differ in" not in found
    assert NO_CONTROL not in found


def test_without_a_constant_at_the_options_of_the_schedule_its_gain_may_be_theirs(tmp_path):
    found = answer(tmp_path, {"best static": 3e-5, "best dynamic": 7.3566e-5})
    assert DIFFER in found
    assert NO_CONTROL in found


@pytest.mark.parametrize(("rate", "counts"), [(7.3566e-5, True), (3e-5, False)])
def test_the_constant_at_the_options_of_the_schedule_tells(tmp_path, rate, counts):
    rates = {"best static": 3e-5, "best dynamic": 7.3566e-5, SAME_MEAN.name: rate}
    found = answer(tmp_path, rates, SAME_MEAN)
    assert DIFFER in found
    assert (CONTROL in found) == counts
    assert (NO_CONTROL in found) != counts
