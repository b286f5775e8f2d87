"""What the answer says where the best schedule and the best constant differ in more than the ratio."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import ARMS, ArmTruth, StudyPlan, edit_arms, write_study_files

MONO, _, HYBRID, STATIC, DYNAMIC, _ = ARMS
SAME_MEAN = replace(STATIC, name="best dynamic, same mean", role="control", of="best dynamic")
DIFFER = "Beside their ratios they differ in learning rate (7.4e-05 and 3e-05)."
NO_CONTROL = "so that the difference need not be the schedule's"
CONTROL = "Best dynamic against best dynamic, same mean, which has its options and the constant ratio 0.3: "


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


RATE = {"best static": 3e-5, "best dynamic": 7.3566e-5}


@pytest.mark.parametrize("place", [0, 3])
def test_its_own_control_speaks_for_the_constant_wherever_others_stand(tmp_path, place):
    """A strategy at the end of the scale has the options, too, and so has one that is no end."""
    others = [MONO, HYBRID]
    found = answer(
        tmp_path,
        RATE | dict.fromkeys([MONO.name, HYBRID.name, SAME_MEAN.name], 7.3566e-5),
        *others[:place],
        SAME_MEAN,
        *others[place:],
    )
    assert CONTROL in found


def test_an_end_of_the_scale_never_stands_for_a_constant(tmp_path):
    found = answer(tmp_path, RATE | {MONO.name: 7.3566e-5}, MONO)
    assert NO_CONTROL in found
    assert "against X-X-mono" not in found


def test_without_its_control_the_constant_nearest_to_its_mean_is_told_by_its_ratio(tmp_path):
    """The schedule from 0 to .8 has the mean .4."""
    near, far = (
        replace(HYBRID, name=f"constant {value}", schedule={"family": "constant", "value": value})
        for value in (0.4, 0.9)
    )
    found = answer(tmp_path, RATE | dict.fromkeys([MONO.name, far.name, near.name], 7.3566e-5), MONO, far, near)
    assert "Best dynamic against constant 0.4, which has its options and the constant ratio 0.4: " in found
