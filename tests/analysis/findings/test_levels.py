"""Levels that lost runs: what is left of them passes neither for the whole nor for an effect of the levels."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.contents import Report, build_report
from tests.analysis.conftest import FEW_ARMS, edit

SMALL = {"arms": FEW_ARMS, "search_trials": 1, "questions": 20}


def end_otherwise(folder: Path, pattern: str, status: str) -> None:
    """Lets the confirm trials of this name end without values."""
    for trial in folder.glob(f"trials/confirm-{pattern}"):
        edit(trial / "result.json", lambda result: result | {"status": status, "metrics": {}, "error": "it ended"})
        for name in ("per_query.parquet", "relevant_ranks.parquet"):
            (trial / name).unlink()


def halved(result: dict[str, Any]) -> dict[str, Any]:
    """A result with half of every mAP on the benchmark."""
    metrics = result["metrics"].items()
    return result | {"metrics": {n: v / 2 if "/map" in n and not n.startswith("dev") else v for n, v in metrics}}


def question(report: Report) -> dict[str, str]:
    """The verdicts where the question is about, by the label of the first arm."""
    return {one.first.label: one.verdict for one in report.findings.comparisons.main if one.family == "question"}


@pytest.mark.slow
def test_seeds_that_diverged_in_the_cells_withhold_the_verdict_over_all_cells(tmp_path, write_study) -> None:
    folder = write_study(tmp_path, models=("small", "large"), seeds=(1, 2, 3, 4, 5), **SMALL)
    assert question(build_report([str(folder)]))["best dynamic (all models)"] == "better"
    end_otherwise(folder, "*-best-dynamic-[45]", "diverged")
    report = build_report([str(folder)])
    assert set(question(report).values()) == {"not separable"}
    assert report.answer.startswith("No verdict on best dynamic (all models) against best static (all models) on")
    assert "2 of 5 seeds of best dynamic (small) diverged" in report.answer
    assert report.findings.growths[0] == []


def test_an_arm_that_is_not_compared_in_a_cell_is_in_no_mean_over_cells(tmp_path, write_study) -> None:
    folder = write_study(tmp_path, models=("small", "large"), seeds=(1, 2, 3, 4, 5), **SMALL)
    end_otherwise(folder, "large-best-dynamic-[345]", "failed")
    report = build_report([str(folder)])
    assert set(question(report)) == {"best dynamic (small)"}
    assert report.answer.startswith("Model small: Best dynamic (small) (α best dynamic, one line) is better than")
    assert "of model large (best dynamic has finished too few of the seeds of the others)" in report.answer
    assert report.findings.interactions == []


def test_a_level_without_a_finished_run_is_named_and_all_is_not_said(tmp_path, write_study) -> None:
    folder = write_study(tmp_path, models=("small", "medium", "large"), **SMALL)
    end_otherwise(folder, "large-best-dynamic-*", "failed")
    report = build_report([str(folder)])
    assert set(question(report)) == {"best dynamic (small)", "best dynamic (medium)"}
    assert "of 3 levels" in report.answer
    assert "not compared at large" in report.answer
    assert "all models" not in report.answer


@pytest.mark.slow
def test_a_missing_cell_makes_no_effect_of_another_factor(tmp_path, write_study) -> None:
    """Larger batches halve every value, models change nothing, and the large model has no run with large batches."""
    folder = write_study(tmp_path, models=("small", "large"), batch_sizes=(48, 96), **SMALL)
    for trial in folder.glob("trials/confirm-*-96-*"):
        values = pd.read_parquet(trial / "per_query.parquet")
        values["map"] *= 0.5
        values.to_parquet(trial / "per_query.parquet")
        edit(trial / "result.json", halved)
    edit(folder / "study.json", lambda study: study | {"about": "levels"})
    whole = build_report([str(folder)])
    assert {(one.level.factor, one.comparison.verdict) for one in whole.findings.level_effects if one.arm} >= {
        ("batch size", "worse")
    }
    end_otherwise(folder, "large-96-*", "failed")
    report = build_report([str(folder)])
    assert report.findings.level_effects == report.findings.interactions == []
    assert "From model" not in report.answer
    assert "of model large, batch size 96 (best dynamic has finished no seed" in report.answer


@pytest.mark.parametrize("collapsed", [False, True])
def test_the_bias_of_collapsed_encoders_gets_no_verdict_over_all_cells(tmp_path, write_study, collapsed) -> None:
    folder = write_study(tmp_path, models=("small", "large"), **SMALL)
    ties = 20 * 3 * 599.0 if collapsed else 0.0
    for trial in folder.glob("trials/confirm-*-best-dynamic-*"):
        edit(trial / "result.json", lambda result: result | {"metrics": result["metrics"] | {"atlas/bias/ties": ties}})
    report = build_report([str(folder)])
    pooled = [
        one
        for one in report.findings.comparisons.judged
        if one.place.measure.is_bias and one.first.label == "best dynamic (all models)"
    ]
    assert pooled
    assert all(bool(one.withheld) == collapsed for one in pooled)


def test_a_main_arm_that_diverged_everywhere_is_named_and_no_lost_arm_leads(tmp_path, write_study) -> None:
    folder = write_study(tmp_path, **SMALL)
    end_otherwise(folder, "best-dynamic-*", "diverged")
    end_otherwise(folder, "X-Y-1[23]", "diverged")
    answer = build_report([str(folder)]).answer
    assert answer.startswith(
        "There is no answer: best dynamic diverged under 3 seeds and finished none; of the others "
    )
    assert "X-Y leads" not in answer


def test_a_study_that_has_not_begun_a_trial_takes_nothing_from_a_report(tmp_path, write_study) -> None:
    folder = write_study(tmp_path, name="whole", models=("small", "large"), **SMALL)
    new = write_study(
        tmp_path, name="new", models=("small",), phase="search", state="running", **{**SMALL, "search_trials": 0}
    )
    answer = build_report([str(folder), str(new)]).answer
    assert "all models" in answer
    assert "not compared" not in answer
