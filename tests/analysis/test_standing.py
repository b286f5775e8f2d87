"""A report of any study says first what state it is in."""

import json
import os
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from analysis.contents import build_report
from analysis.render.files import report_markdown
from study.records import open_study
from trainables.errors import UserError


def lines(folder) -> str:
    return "\n".join(build_report([str(folder)]).first_lines)


def test_a_complete_study_opens_without_a_warning(finished_study):
    assert lines(finished_study) == ""


def test_a_running_study_says_that_numbers_will_change(tmp_path, write_study):
    folder = write_study(tmp_path, state="running", updated=datetime.now(UTC), questions=5)
    assert "running (confirm phase, 12 of 12 planned trials have ended): the numbers will change" in lines(folder)


def test_a_running_study_that_fell_silent_was_interrupted(tmp_path, write_study):
    folder = write_study(tmp_path, state="running", updated=datetime.now(UTC) - timedelta(minutes=6), questions=5)
    os.utime(folder / "status.json")
    assert "was interrupted in its confirm phase" in lines(folder)


def test_a_study_in_its_search_has_no_answer_but_a_search_table(tmp_path, write_study):
    report = build_report([str(write_study(tmp_path, state="running", updated=datetime.now(UTC), phase="search"))])
    assert "no answer yet" in report.answer
    assert "The arms are not chosen yet" in "\n".join(report.first_lines)
    assert report.table("search") is not None
    assert report.table("results") is None


def test_a_study_without_a_single_trial_says_so(tmp_path, write_study):
    report = build_report([str(write_study(tmp_path, phase="search", search_trials=0, state="running"))])
    assert "No trial has ended yet." in "\n".join(report.first_lines)
    assert "no answer yet" in report.answer
    assert "# quick" in report_markdown(report)


def test_failed_trials_are_counted_first_and_listed_with_their_errors(tmp_path, write_study):
    report = build_report([str(write_study(tmp_path, failed=2, questions=5))])
    assert "2 trials failed or diverged (search-linear-900, search-linear-901)" in "\n".join(report.first_lines)
    table = report.table("failures")
    assert table is not None
    assert [row["error"] for row in table.records()] == ["The loss is not finite at step 7 <nan> & 50 %."] * 2


@pytest.mark.parametrize("content", [b"PAR1 half a file", b""])
def test_a_damaged_parquet_file_is_named_and_left_out(tmp_path, write_study, content):
    folder = write_study(tmp_path, questions=8)
    damaged = folder / "trials" / "confirm-best-dynamic-12" / "per_query.parquet"
    damaged.write_bytes(content)
    report = build_report([str(folder)])
    assert "confirm-best-dynamic-12/per_query.parquet is damaged" in "\n".join(report.first_lines)
    rows = list(report.table("comparisons").records())
    # The two seeds that both arms still have are compared; arms that are whole keep their three.
    assert {row["seeds"] for row in rows if "best dynamic" in (row["arm"], row["baseline"])} == {2}
    assert {row["seeds"] for row in rows if row["arm"] == "best static"} == {3}


def test_a_damaged_result_is_named_and_its_trial_left_out(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8)
    (folder / "trials" / "confirm-X-Y-11" / "result.json").write_text('{"status": "comp')
    report = build_report([str(folder)])
    assert "confirm-X-Y-11/result.json is damaged" in "\n".join(report.first_lines)
    assert {row["arm"]: row["seeds"] for row in report.table("results").records()}["X-Y"] == 2


RESULT = {"status": "complete", "metrics": {"atlas/multilingual/map": 0.5}, "cost": {"device": "cpu"}}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        None,
        7,
        "complete",
        RESULT | {"metrics": None},
        RESULT | {"metrics": [0.5]},
        RESULT | {"metrics": {"atlas/multilingual/map": "much"}},
        RESULT | {"cost": None},
        RESULT | {"cost": {"total_seconds": "long"}},
        RESULT | {"mono_share": {}},
    ],
)
def test_a_result_of_another_shape_is_named_and_its_trial_left_out(tmp_path, write_study, content):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    (folder / "trials" / "confirm-X-Y-1" / "result.json").write_text(json.dumps(content))
    report = build_report([str(folder)])
    assert "confirm-X-Y-1/result.json is damaged and was left out" in "\n".join(report.first_lines)
    assert {row["arm"]: row["seeds"] for row in report.table("results").records()}["X-Y"] == 1


@pytest.mark.parametrize(
    "change", [None, [], {"training": None}, {"training": {"ratio": 5}}, {"seed": "x"}, {"number": []}]
)
def test_a_trial_of_another_shape_is_named_and_left_out(tmp_path, write_study, change):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    path = folder / "trials" / "confirm-X-Y-1" / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change if isinstance(change, dict) else change))
    assert "confirm-X-Y-1/trial.json is damaged and was left out" in lines(folder)


@pytest.mark.parametrize("name", ["arms.json", "status.json", "stopping.json"])
@pytest.mark.parametrize(
    "content", [None, 7, "x", {"arm": "x"}, [], [7], [{}], {"trials": []}, {"trials": {"confirm": 5}}]
)
def test_records_of_another_shape_are_named_and_left_out(tmp_path, write_study, name, content):
    fine = {"arms.json": ([],), "status.json": (), "stopping.json": ()}
    folder = write_study(tmp_path, questions=5, search_trials=1, seeds=(1, 2))
    (folder / name).write_text(json.dumps(content))
    assert (f"{name} is damaged and was left out" in lines(folder)) == (content not in fine[name])


def test_an_arm_that_is_named_twice_is_damage(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    arms = json.loads((folder / "arms.json").read_text())
    (folder / "arms.json").write_text(json.dumps([*arms, arms[0]]))
    assert "arms.json is damaged and was left out (it names an arm twice)" in lines(folder)


@pytest.mark.parametrize(
    "change",
    [{"data": None}, {"data": {"benchmarks": ["atlas"]}}, {"data": {"benchmarks": {"atlas": 5}}}, {"settings": []}],
)
def test_a_damaged_study_is_a_users_mistake(tmp_path, write_study, change):
    folder = write_study(tmp_path, phase="search", search_trials=0)
    info = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(info | change))
    with pytest.raises(UserError, match=r"study.json is damaged .*: restore it from a copy"):
        build_report([str(folder)])


@pytest.mark.parametrize("line", ["[]", "7", "{", "{}", '{"step": 1, "loss": "x"}', '{"step": 1, "dev": 5}'])
def test_a_line_of_reports_of_another_shape_is_named_and_left_out(tmp_path, write_study, line):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1,), with_queries=False)
    path = folder / "trials" / "confirm-X-Y-1" / "reports.jsonl"
    whole = open_study(str(folder)).confirm_trials("X-Y")[0].reports()
    path.write_text(path.read_text() + line + "\n")
    (trial,) = open_study(str(folder)).confirm_trials("X-Y")
    assert trial.reports() == whole
    assert trial.problems == [f"{path}:{len(whole) + 1} is no report and was left out"]


@pytest.mark.parametrize("lost", ["benchmark", "parallel_id", "query_language", "setting", "pool_language"])
def test_values_per_query_without_a_column_are_named_and_left_out(tmp_path, write_study, lost):
    folder = write_study(tmp_path, questions=5, search_trials=0)
    path = folder / "trials" / "confirm-best-dynamic-12" / "per_query.parquet"
    pd.read_parquet(path).drop(columns=lost).to_parquet(path)
    report = build_report([str(folder)])
    assert f"per_query.parquet is damaged and was left out (it lacks {lost})" in "\n".join(report.first_lines)
    rows = list(report.table("comparisons").records())
    assert {row["seeds"] for row in rows if "best dynamic" in (row["arm"], row["baseline"])} == {2}


@pytest.mark.parametrize("value", ["much", float("inf")])
def test_values_per_query_that_are_no_finite_numbers_are_named_and_left_out(tmp_path, write_study, value):
    folder = write_study(tmp_path, questions=5, search_trials=0)
    path = folder / "trials" / "confirm-best-dynamic-12" / "per_query.parquet"
    pd.read_parquet(path).assign(map=value).to_parquet(path)
    assert "per_query.parquet is damaged and was left out (column map holds" in lines(folder)


def test_a_single_seed_has_no_interval_no_test_and_says_so(tmp_path, write_study):
    report = build_report([str(write_study(tmp_path, seeds=(11,), questions=8))])
    results = report.table("results")
    assert not any(results.has_intervals(index) for index in range(len(results.columns)))
    assert "single run: no interval" in report.answer
    rows = list(report.table("comparisons").records())
    assert {row["verdict"] for row in rows} == {"single run"}
    assert {row["p"] for row in rows} == {None}
    assert not any(row[i].mark == "tied" for row in results.rows for i in range(len(row)))


def test_without_values_per_question_the_means_stand_and_nothing_is_tested(tmp_path, write_study):
    report = build_report([str(write_study(tmp_path, with_queries=False, questions=8))])
    assert report.table("results") is not None
    assert report.table("comparisons") is None
    assert "cannot be tested" in report.answer


def test_a_trial_without_metrics_in_its_result_does_not_stop_the_report(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5)
    path = folder / "trials" / "confirm-X-Y-11" / "result.json"
    path.write_text(json.dumps({"status": "complete", "steps": 3, "metrics": {}, "cost": {}, "error": None}))
    rows = {row["arm"]: row for row in build_report([str(folder)]).table("results").records()}
    assert rows["X-Y"]["seeds"] == 3
    assert rows["X-Y"]["atlas_multilingual_map"] is not None


def test_arms_that_are_the_same_training_leave_nothing_to_tell_apart(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5)
    arms = json.loads((folder / "arms.json").read_text())
    next(arm for arm in arms if arm["arm"] == "best dynamic")["same_as"] = "best static"
    (folder / "arms.json").write_text(json.dumps(arms))
    assert "are the same training" in build_report([str(folder)]).answer
