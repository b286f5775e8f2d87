"""A report of any study says first what state it is in."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from analysis.contents import build_report
from analysis.render.files import report_markdown
from study.study_folder import open_study
from tests.analysis.conftest import NOW, edit, edit_arms, seal
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
    folder = write_study(tmp_path, failed=2, questions=5)
    (folder / "trials" / "search-linear-901" / "log.jsonl").write_text("")
    report = build_report([str(folder)])
    assert "2 trials failed or diverged (search-linear-900, search-linear-901)" in "\n".join(report.first_lines)
    table = report.table("failures")
    assert table is not None
    assert [row["error"] for row in table.records()] == ["The loss is not finite at step 7 <nan> & 50 %."] * 2
    assert [row["log"] for row in table.records()] == ["", "trials/search-linear-901/log.jsonl"]


@pytest.mark.parametrize("content", [b"PAR1 half a file", b""])
def test_a_damaged_parquet_file_is_named_and_left_out(tmp_path, write_study, content):
    folder = write_study(tmp_path, questions=8)
    damaged = folder / "trials" / "confirm-best-dynamic-12" / "per_query.parquet"
    damaged.write_bytes(content)
    report = build_report([str(folder)])
    assert "confirm-best-dynamic-12/per_query.parquet is damaged" in "\n".join(report.first_lines)
    rows = list(report.table("comparisons").records())
    # Every verdict of a page rests on the same seeds: the two that all arms still have.
    assert {row["seeds"] for row in rows} == {2}


def test_a_damaged_result_is_named_and_its_trial_left_out(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8)
    (folder / "trials" / "confirm-X-Y-11" / "result.json").write_text('{"status": "comp')
    report = build_report([str(folder)])
    assert "confirm-X-Y-11/result.json is damaged" in "\n".join(report.first_lines)
    assert {row["arm"]: row["seeds"] for row in report.table("results").records()}["X-Y"] == 2


NO_RECORD = ["", "{", "[]", "{}", "null", "7", '"complete"', '{"status": "complete"}']
"""What no writer of a record has written."""


@pytest.mark.parametrize("content", NO_RECORD)
@pytest.mark.parametrize("name", ["trial.json", "result.json"])
def test_what_is_no_record_is_named_and_its_trial_left_out(tmp_path, write_study, name, content):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    (folder / "trials" / "confirm-X-Y-1" / name).write_text(content)
    check_left_out(folder, name)


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": None},
        {"metrics": [0.5]},
        {"metrics": {"atlas/multilingual/map": "much"}},
        {"cost": None},
        {"cost": {"total_seconds": "long"}},
        {"mono_share": {}},
        {"status": "done"},
        {"steps": None},
        {"more": 1},
    ],
)
def test_a_result_of_another_shape_is_named_and_its_trial_left_out(tmp_path, write_study, change):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    edit(folder / "trials" / "confirm-X-Y-1" / "result.json", lambda result: result | change)
    check_left_out(folder, "result.json")


@pytest.mark.parametrize(
    "change", [{"config": None}, {"config": {"ratio": 5}}, {"phase": "x"}, {"number": []}, {"cell": 5}, {"more": 1}]
)
def test_a_trial_of_another_shape_is_named_and_left_out(tmp_path, write_study, change):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    edit(folder / "trials" / "confirm-X-Y-1" / "trial.json", lambda record: record | change)
    check_left_out(folder, "trial.json")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("trial.json", '"seed": 1', '"seed": 7'), ("result.json", '"mono_share": 0.0', '"mono_share": 0.5')],
)
def test_a_record_of_a_trial_that_was_changed_by_hand_is_named_and_left_out(tmp_path, write_study, name, old, new):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    change_by_hand(folder / "trials" / "confirm-X-Y-1" / name, old, new)
    check_left_out(folder, name, "its checksum does not match its content")


def check_left_out(folder: Path, name: str, why: str = "") -> None:
    """The first trial of X-Y is missing, and a line says which of its files is damaged."""
    report = build_report([str(folder)])
    assert f"confirm-X-Y-1/{name} is damaged and was left out ({why}" in "\n".join(report.first_lines)
    assert {row["arm"]: row["seeds"] for row in report.table("results").records()}["X-Y"] == 1


def change_by_hand(path: Path, old: str, new: str) -> None:
    """Changes the text of a record, and not its checksum."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


RECORDS = ["arms.json", "status.json", "stopping.json"]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("content", [*NO_RECORD, '{"arm": "x"}', "[7]", "[{}]"])
def test_what_is_no_record_is_named_and_left_out(tmp_path, write_study, name, content):
    folder = write_study(tmp_path, questions=5, search_trials=1, seeds=(1, 2))
    (folder / name).write_text(content)
    assert f"{name} is damaged and was left out" in lines(folder)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize(
    "values",
    [{}, {"arm": "x"}, {"arms": []}, {"arms": [7]}, {"arms": [{}]}, {"trials": []}, {"trials": {"confirm": 5}}],
)
def test_records_of_another_shape_are_named_and_left_out(tmp_path, write_study, name, values):
    folder = write_study(tmp_path, questions=5, search_trials=1, seeds=(1, 2))
    seal(folder / name, values)
    is_fine = (name, values) == ("arms.json", {"arms": []})
    assert (f"{name} is damaged and was left out" in lines(folder)) == (not is_fine)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("arms.json", '"arm": "X-Y"', '"arm": "X-Z"'),
        ("status.json", '"phase": "confirm"', '"phase": "search"'),
    ],
)
def test_a_record_that_was_changed_by_hand_is_named_and_left_out(tmp_path, write_study, name, old, new):
    folder = write_study(tmp_path, questions=5, search_trials=1, seeds=(1, 2))
    change_by_hand(folder / name, old, new)
    assert f"{name} is damaged and was left out (its checksum does not match its content)" in lines(folder)


def test_an_arm_that_is_named_twice_is_damage(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    edit_arms(folder, lambda arms: [*arms, arms[0]])
    assert "arms.json is damaged and was left out (it names an arm twice)" in lines(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"data": None},
        {"data": {"benchmarks": ["atlas"]}},
        {"data": {"benchmarks": {"atlas": 5}}},
        {"settings": []},
        {"objectives": None},
        {"more": 1},
    ],
)
def test_a_damaged_study_is_a_users_mistake(tmp_path, write_study, change):
    folder = write_study(tmp_path, phase="search", search_trials=0)
    edit(folder / "study.json", lambda info: info | change)
    with pytest.raises(UserError, match=r"study.json is damaged .*: restore it from a copy"):
        build_report([str(folder)])


@pytest.mark.parametrize("content", NO_RECORD)
def test_what_is_no_study_is_a_users_mistake(tmp_path, write_study, content):
    folder = write_study(tmp_path, phase="search", search_trials=0)
    (folder / "study.json").write_text(content)
    with pytest.raises(UserError, match=r"study.json (is damaged|has format None)"):
        build_report([str(folder)])


def test_a_study_that_was_changed_by_hand_is_a_users_mistake(tmp_path, write_study):
    folder = write_study(tmp_path, phase="search", search_trials=0)
    change_by_hand(folder / "study.json", '"items": 500', '"items": 501')
    with pytest.raises(UserError, match=r"study.json is damaged \(its checksum does not match its content\)"):
        build_report([str(folder)])


@pytest.mark.parametrize("line", ["[]", "7", "{", "{}", '{"step": 1, "loss": "x"}', '{"step": 1, "dev": 5}'])
def test_a_line_of_reports_of_another_shape_is_named_and_left_out(tmp_path, write_study, line):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1,), with_queries=False)
    path = folder / "trials" / "confirm-X-Y-1" / "reports.jsonl"
    study = open_study(str(folder))
    arm = study.arm("X-Y", {})
    whole = study.confirm_trials(arm)[0].reports()
    path.write_text(path.read_text() + line + "\n")
    (trial,) = open_study(str(folder)).confirm_trials(arm)
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


def test_values_per_query_that_are_not_those_of_the_trial_are_named_and_left_out(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5, search_trials=0)
    trial = folder / "trials" / "confirm-best-dynamic-12"
    content = (trial / "per_query.parquet").read_bytes()
    checksums = {"per_query.parquet": hashlib.sha256(content).hexdigest()}
    edit(trial / "result.json", lambda result: result | {"files": checksums})
    assert lines(folder) == ""
    (trial / "per_query.parquet").write_bytes((trial.with_name("confirm-X-Y-12") / "per_query.parquet").read_bytes())
    assert "per_query.parquet is damaged and was left out (it is not what it was when the trial ended)" in lines(folder)


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
    values = {"status": "complete", "steps": 3, "ended": NOW.isoformat(), "host": "node-a"}
    seal(folder / "trials" / "confirm-X-Y-11" / "result.json", values)
    rows = {row["arm"]: row for row in build_report([str(folder)]).table("results").records()}
    assert rows["X-Y"]["seeds"] == 3
    assert rows["X-Y"]["atlas_multilingual_map"] is not None


def test_arms_that_are_the_same_training_leave_nothing_to_tell_apart(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5)
    twin = {"same_as": "best static"}
    edit_arms(folder, lambda arms: [arm | (twin if arm["arm"] == "best dynamic" else {}) for arm in arms])
    assert "are the same training" in build_report([str(folder)]).answer
