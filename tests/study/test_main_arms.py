"""What the main comparison stands on goes with it, and nothing else does."""

from search_spaces.registry import space
from study.main_arms import place_of, trainings_of, views_of
from study.plan.program import StudyPlan
from study.settings import StudySettings
from tests.study.plan.test_program import SIZE, run


def plan_with(**changes: object) -> StudyPlan:
    plan = StudyPlan(space("dynamic_vs_static"), StudySettings(set=SIZE, trials=1, seeds=1, **changes))
    run(plan)
    return plan


def test_a_main_arm_is_its_training_with_what_is_judged_anew_of_it() -> None:
    plan = plan_with()
    found = {name for name, *_ in trainings_of(plan.main_comparison, plan.arms)}
    by_name = {arm.arm: arm for arm in plan.arms}
    main = {by_name[name].same_as or name for name in ("best dynamic", "best static")}
    assert main <= found
    assert all(by_name[name].config.evaluation.centred for name in found - main)
    assert found - main == {arm.arm for name in main for arm in views_of(plan.arms)[place_of(by_name[name])]}


def test_without_a_main_comparison_every_training_is_needed() -> None:
    plan = plan_with(arms=("X-X-mono", "X-Y"))
    assert plan.main_comparison is None
    assert trainings_of(None, plan.arms) == {place_of(arm) for arm in plan.arms if arm.same_as is None}


def test_a_merged_arm_needs_what_it_is_made_of() -> None:
    merged = {"merged": {"steps": 0, "merging.cross_weight": 0.5}}
    plan = plan_with(arm=merged, keep_encoders="all")
    found = {name for name, *_ in trainings_of(("merged", "hybrid 0.5"), plan.arms)}
    assert {"merged", "X-X-mono", "X-Y", "hybrid 0.5"} <= found
    assert "best dynamic" not in found
    assert "static" not in found
