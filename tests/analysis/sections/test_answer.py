"""Where the answer of a report looks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from analysis.contents import build_report
from search_spaces.registry import SPACES, space
from tests.analysis.conftest import ARMS, FEW_ARMS, ArmTruth, StudyPlan, edit, edit_arms, write_study_files


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
    first, *_ = build_report([str(study)]).answer.split(". ")
    assert "Best dynamic (α linear 0 → 0.8" in first
    assert "best static (α constant 0.3" in first


MONO, CROSS, HYBRID, STATIC, DYNAMIC, _ = ARMS
ALPHA = "\N{GREEK SMALL LETTER ALPHA}"


def choice(
    folder: Path, *arms: ArmTruth, models: tuple[str, ...] = ("small",), lost: Sequence[tuple[str, int]] = ()
) -> str:
    """The first sentence of a study that asks which constant is best, against `hybrid 0.5`; `lost` are runs of it."""
    study = write_study_files(folder, StudyPlan(arms=arms, questions=60, models=models))
    asked = {"about": "choice", "main_comparison": ("best static", "hybrid 0.5")}
    edit(study / "study.json", lambda record: record | asked)
    for arm, seed in lost:
        rmtree(study / "trials" / f"confirm-{arm}-{seed}")
    return build_report([str(study)]).answer.split(". ")[0]


def test_a_question_of_choice_is_answered_with_what_was_chosen_and_what_it_cannot_be_told_from(tmp_path: Path) -> None:
    first = choice(tmp_path, MONO, replace(CROSS, multi=1.6), HYBRID, replace(STATIC, multi=1.6), DYNAMIC)
    chosen = f"Best constant ratio: {ALPHA} 0.3 (the best of 24 search trials)"
    assert first.startswith(f"{chosen}, better than hybrid 0.5, +.")
    assert "] on mAP of atlas, multilingual; " in first
    assert f"better than X-X-mono ({ALPHA} 1)" in first
    assert f"not separable from X-Y ({ALPHA} 0)" in first
    # A schedule is no constant.
    assert "best dynamic" not in first


def test_what_loses_in_the_test_is_best_in_the_search_alone(tmp_path: Path) -> None:
    first = choice(tmp_path, MONO, replace(CROSS, multi=1.6), HYBRID, STATIC)
    assert first.startswith(f"Best constant ratio of the search: {ALPHA} 0.3 ")
    assert f"worse than X-Y ({ALPHA} 0)" in first


def test_what_was_not_compared_is_named_and_the_choice_is_that_of_the_search(tmp_path: Path) -> None:
    lost = [("X-Y", seed) for seed in StudyPlan().seeds[1:]]
    first = choice(tmp_path, MONO, replace(CROSS, multi=1.6), HYBRID, STATIC, lost=lost)
    assert first.startswith(f"Best constant ratio of the search: {ALPHA} 0.3 ")
    assert f"better than X-X-mono ({ALPHA} 1)" in first
    assert f"not compared with X-Y ({ALPHA} 0)" in first


def test_the_chosen_ratio_is_told_where_it_is_that_of_the_other_arm(tmp_path: Path) -> None:
    same = replace(STATIC, schedule=HYBRID.schedule, same_as=HYBRID.name)
    first = choice(tmp_path, MONO, CROSS, HYBRID, same)
    assert first.startswith(f"Best constant ratio of the search: {ALPHA} 0.5")
    assert first.endswith("are the same training: there is nothing to tell apart")


def test_over_several_models_every_one_is_told_its_ratio(tmp_path: Path) -> None:
    first = choice(tmp_path, HYBRID, replace(STATIC, multi=1.6), models=("s", "m"))
    chosen = [f"{ALPHA} 0.3 (the best of 12 search trials) at {model}" for model in ("s", "m")]
    assert first.startswith(f"Best constant ratio: {' and '.join(chosen)}, better than hybrid 0.5 (all models), +.")


def test_over_several_models_others_that_are_not_told_leave_it_the_choice_of_the_search(tmp_path: Path) -> None:
    first = choice(tmp_path, CROSS, HYBRID, replace(STATIC, multi=1.6), models=("s", "m"))
    assert first.startswith(f"Best constant ratio of the search: {ALPHA} 0.3 ")


def test_the_space_of_constants_asks_for_a_choice() -> None:
    asked = {name: space(name).about for name in SPACES}
    assert [name for name, about in asked.items() if about == "choice"] == ["static_ratio"]
