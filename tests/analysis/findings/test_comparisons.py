"""One object decides interval, verdict, bold and dagger, on the same seeds; lost seeds and second names change none."""

import shutil
from itertools import combinations
from math import comb

import pytest

from analysis.contents import build_report
from analysis.findings.panels import key
from analysis.sections.cells import slug
from tests.analysis.conftest import FEW_ARMS, edit, edit_arms

SETTINGS = ("monolingual", "cross-lingual", "multilingual")


def end(folder, arm: str, seed: int, status: str) -> None:
    path = folder / "trials" / f"confirm-{arm.replace(' ', '-')}-{seed}" / "result.json"
    edit(path, lambda result: {**result, "status": status, "error": "The loss is not finite."})


def check_one_object(report) -> None:
    """Recomputes bold and daggers from the verdicts, and the verdicts from their intervals."""
    findings = report.findings
    rows = {row["arm"]: row for row in report.table("results").records()}
    for benchmark in findings.facts.benchmarks:
        for place in benchmark.places:
            arms = [arm for arm in findings.facts.arms if arm.compared]
            judged = {
                (one.label, other.label): findings.judge.find(one, other, place) for one, other in combinations(arms, 2)
            }
            seeds = {found.comparison.n_seeds for found in judged.values() if found is not None}
            assert len(seeds) == 1
            for found in judged.values():
                low, high = found.comparison.interval
                if not found.withheld:
                    assert (found.verdict in ("better", "worse")) <= (low > 0 or high < 0)
                    assert (low > 0 or high < 0) <= (found.verdict != "not separable")
            column = slug(place.metric)
            if column not in rows[arms[0].label]:
                continue
            marks = {arm.label: rows[arm.label][f"{column}_mark"] for arm in arms}
            whole = {arm.label: rows[arm.label][column] for arm in arms if not arm.diverged}
            best = (min if place.measure.lower_is_better else max)(whole, key=whole.get)
            assert marks.pop(best) == "best"
            for name, mark in marks.items():
                found = judged.get((best, name)) or judged.get((name, best))
                tied = name in whole and found.verdict in ("not separable", "equivalent")
                assert mark == ("tied" if tied else ""), (name, place.setting)


def test_bold_daggers_and_verdicts_come_from_one_object(finished_study):
    check_one_object(build_report([str(finished_study)]))


def test_so_they_do_with_unequal_seeds(tmp_path, write_study):
    folder = write_study(tmp_path, seeds=(0, 1, 2, 3, 4), questions=15, search_trials=1)
    shutil.rmtree(folder / "trials" / "confirm-best-dynamic-1")
    shutil.rmtree(folder / "trials" / "confirm-X-Y-4")
    report = build_report([str(folder)])
    check_one_object(report)
    assert {row["seeds"] for row in report.table("results").records()} == {3}
    lines = " ".join(report.first_lines)
    assert "All numbers rest on the seeds that all compared arms have finished (3)" in lines


def test_an_arm_with_half_of_the_seeds_does_not_cost_the_others_theirs(tmp_path, write_study):
    folder = write_study(tmp_path, seeds=(0, 1, 2, 3), questions=15, search_trials=1)
    for seed in (0, 1):
        shutil.rmtree(folder / "trials" / f"confirm-X-Y-{seed}")
    report = build_report([str(folder)])
    rows = {row["arm"]: row["seeds"] for row in report.table("results").records()}
    assert rows == {"X-X-mono": 4, "X-Y": 2, "best static": 4, "best dynamic": 4}
    assert all("X-Y" not in (row["arm"], row["baseline"]) for row in report.table("comparisons").records())
    assert "X-Y has 2 finished seeds, no more than half" in " ".join(report.first_lines)
    check_one_object(report)


@pytest.mark.parametrize("lost", [1, 2])
def test_diverged_seeds_are_counted_and_their_arm_is_called_neither_better_nor_best(tmp_path, write_study, lost):
    folder = write_study(tmp_path, seeds=(0, 1, 2, 3, 4), questions=30, search_trials=1)
    before = build_report([str(folder)])
    better = [row for row in before.table("comparisons").records() if row["verdict"] == "better"]
    assert any(row["arm"] == "best dynamic" and row["metric"] == "mAP" for row in better)
    for seed in range(lost):
        end(folder, "best dynamic", seed, "diverged")
    report = build_report([str(folder)])
    check_one_object(report)
    rows = {row["arm"]: row for row in report.table("results").records()}
    assert rows["best dynamic"]["seeds_remark"] == f"and {lost} diverged"
    for row in report.table("comparisons").records():
        gain = row["difference"] * (-1 if row["metric"] == "rank distance" else 1)
        if row["arm"] == "best dynamic" and gain > 0:
            assert row["verdict"] != "better"
    assert f"best dynamic diverged under {lost} seed" in " ".join(report.first_lines)
    assert report.answer.startswith("No verdict on best dynamic (")
    assert f"{lost} of 5 seeds of best dynamic diverged" in report.answer


def test_two_names_of_one_training_count_once(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8, search_trials=1)
    before = list(build_report([str(folder)]).table("comparisons").records())

    def with_twin(arms):
        return [*arms, next(arm for arm in arms if arm["arm"] == "X-Y") | {"arm": "twin", "same_as": "X-Y"}]

    edit_arms(folder, with_twin)
    after = list(build_report([str(folder)]).table("comparisons").records())
    assert before == after


def test_every_pair_of_arms_counts_whether_or_not_it_is_shown(finished_study):
    report = build_report([str(finished_study)])
    findings = report.findings
    arms, places = len({key(arm) for arm in findings.facts.arms}), 2 * (len(SETTINGS) + 1)
    sizes = {row["family"]: row["family_size"] for row in report.table("comparisons").records()}
    # On two benchmarks: the main pair in the setting of the objective, and in the two others.
    assert (sizes["question"], sizes["elsewhere"]) == (2, 4)
    assert sizes["other"] == comb(arms, 2) * places - 6
    assert len(FEW_ARMS) < arms
