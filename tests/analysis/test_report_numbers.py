"""Each number in a report is traced to the records by a computation of its own, with pandas and the raw files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.contents import Report, build_report
from analysis.render.table import Table
from tests.analysis.conftest import edit

SETTINGS = ("monolingual", "cross-lingual", "multilingual")


@pytest.fixture(scope="module")
def report(finished_study: Path) -> Report:
    return build_report([str(finished_study)])


@pytest.fixture(scope="module")
def queries(finished_study: Path) -> pd.DataFrame:
    """All per-query files in one frame with the arm and seed of each row."""
    frames = []
    for folder in sorted((finished_study / "trials").glob("confirm-*")):
        spec = json.loads((folder / "trial.json").read_text())
        frame = pd.read_parquet(folder / "per_query.parquet")
        frames.append(frame.assign(arm=spec["arm"], seed=spec["config"]["seed"]))
    return pd.concat(frames)


def rows_of(report: Report, name: str) -> list[dict[str, Any]]:
    table = report.table(name)
    assert table is not None, name
    return list(table.records())


def macro(frame: pd.DataFrame, metric: str = "map") -> "pd.Series[float]":
    """Per arm and seed: mean over cells of the mean over questions."""
    cells = frame.groupby(["arm", "seed", "query_language", "pool_language"])[metric].mean()
    return cells.groupby(["arm", "seed"]).mean()


def test_results_are_means_over_cells_then_seeds(report, queries):
    for row in rows_of(report, "results"):
        for benchmark in ("atlas", "xquad-r"):
            for setting in SETTINGS:
                part = queries[(queries["benchmark"] == benchmark) & (queries["setting"] == setting)]
                by_seed = macro(part)[row["arm"]]
                key = f"{benchmark}_{setting}_map".replace("-", "_")
                assert row[key] == pytest.approx(by_seed.mean(), abs=1e-6)
                assert row[f"{key}_low"] < row[key] < row[f"{key}_high"]
        assert row["seeds"] == 3


def test_intervals_of_languages_are_student_s_over_seeds(report, queries):
    part = queries[(queries["benchmark"] == "atlas") & (queries["setting"] == "monolingual")]
    means = part[part["query_language"] == "th"].groupby(["arm", "seed"])["map"].mean()
    for row in rows_of(report, "languages_atlas_monolingual"):
        half = 4.302653 * means[row["arm"]].std(ddof=1) / np.sqrt(3)
        assert row["th_high"] - row["th"] == pytest.approx(half, rel=1e-4)


def test_the_best_of_every_column_and_only_the_best_is_marked(report):
    table = report.table("results")
    assert table is not None
    for index, column in enumerate(table.columns):
        if column.kind not in ("score", "rank"):
            continue
        values = [row[index].value for row in table.rows]
        marks = [row[index].mark for row in table.rows]
        best = min(values) if column.lower_is_better else max(values)
        assert [mark == "best" for mark in marks] == [value == best for value in values]


def test_language_bias_stands_beside_quality(report, queries):
    part = queries[(queries["benchmark"] == "xquad-r") & (queries["setting"] == "multilingual")]
    distances = macro(part, "rank_distance")
    bias = {row["arm"]: row for row in rows_of(report, "bias_xquad_r")}
    for row in rows_of(report, "results"):
        key = "xquad_r_bias_rank_distance"
        assert row[key] == pytest.approx(distances[row["arm"]].mean(), rel=1e-5)
        found = row[f"{key}_low"], row[f"{key}_high"]
        assert found[0] < row[key] < found[1]
        one = bias[row["arm"]]
        assert found == (one["rank_distance_low"], one["rank_distance_high"])


@pytest.mark.parametrize(
    ("objective", "first"),
    [
        ("multilingual/map", "atlas_multilingual_map"),
        ("cross-lingual/map", "atlas_cross_lingual_map"),
        ("bias/rank_distance", "atlas_bias_rank_distance"),
    ],
)
def test_the_objective_s_column_comes_first(tmp_path, write_study, objective, first):
    folder = write_study(tmp_path, questions=8, seeds=(1, 2), search_trials=1)
    direction = "minimize" if "bias" in objective else "maximize"
    edit(folder / "study.json", lambda one: one | {"objectives": [{"metric": objective, "direction": direction}]})
    table = build_report([str(folder)]).table("results")
    assert [column.key for column in table.columns][:2] == ["arm", first]
    assert len({column.key for column in table.columns}) == len(table.columns) == 6


def test_what_the_search_chose_stands_with_the_arm_it_chose(report):
    rows = {row["arm"]: row["arm_remark"] for row in rows_of(report, "results")}
    assert rows["best dynamic"] == "\N{GREEK SMALL LETTER ALPHA} best dynamic, one line"
    assert rows["X-Y"] == rows["best dynamic reversed"] == ""


def test_an_arm_that_differs_by_noise_only_is_marked_and_a_worse_one_is_not(tmp_path, write_study):
    # Two names for the same truth: their runs differ by noise alone.
    folder = write_study(tmp_path, twins=True, questions=30)
    rows = {row["arm"]: row for row in rows_of(build_report([str(folder)]), "results")}
    key = "atlas_multilingual_map"
    assert {rows[name][f"{key}_mark"] for name in ("best dynamic", "twin")} == {"best", "tied"}
    assert rows["X-X-mono"][f"{key}_mark"] == ""


def test_differences_are_paired_means_over_seeds(report, queries):
    rows = rows_of(report, "comparisons")
    assert len(rows) > 20
    for row in rows:
        metric = "rank_distance" if row["metric"] == "rank distance" else "map"
        part = queries[(queries["benchmark"] == row["benchmark"]) & (queries["setting"] == row["setting"])]
        means = macro(part, metric)
        expected = (means[row["arm"]] - means[row["baseline"]]).mean()
        assert row["difference"] == pytest.approx(expected, rel=1e-5, abs=1e-7)
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        assert (row["seeds"], row["questions"]) == (3, 40)


def test_verdicts_follow_interval_and_direction(report):
    for row in rows_of(report, "comparisons"):
        if row["verdict"] in ("better", "worse"):
            gain = -row["difference"] if row["metric"] == "rank distance" else row["difference"]
            assert (gain > 0) == (row["verdict"] == "better")
            assert row["p"] <= 0.05


def test_the_main_comparison_comes_first_and_once_per_benchmark_and_setting(report):
    rows = rows_of(report, "comparisons")
    main = [row for row in rows if row["family"] != "other"]
    assert rows[: len(main)] == main
    # The objective is judged where all languages compete: the question itself, on both benchmarks.
    assert {row["setting"] for row in main if row["family"] == "question"} == {"multilingual"}
    assert {(row["arm"], row["baseline"]) for row in main} == {("best dynamic", "best static")}
    assert len({(row["benchmark"], row["setting"]) for row in main}) == len(main) == 6


def test_no_pair_is_compared_twice(report):
    keys = [
        (frozenset((r["arm"], r["baseline"])), r["benchmark"], r["setting"], r["metric"])
        for r in rows_of(report, "comparisons")
    ]
    assert len(keys) == len(set(keys))


def test_the_glance_and_the_full_list_agree(report):
    full = {
        (r["arm"], r["baseline"], r["benchmark"], r["setting"], r["metric"]): r for r in rows_of(report, "comparisons")
    }
    for row in rows_of(report, "verdicts"):
        for benchmark in ("atlas", "xquad-r"):
            key = (row["arm"], row["baseline"], benchmark, "multilingual", "mAP")
            name = f"{benchmark.replace('-', '_')}_multilingual_map"
            assert row[name] == full[key]["difference"]
            assert row[f"{name}_remark"] == full[key]["verdict"]


def test_language_bias_is_the_macro_mean_of_the_rank_distances(report, queries):
    part = queries[(queries["benchmark"] == "xquad-r") & (queries["setting"] == "multilingual")]
    expected = macro(part, "rank_distance").groupby("arm").mean()
    for row in rows_of(report, "bias_xquad_r"):
        assert row["rank_distance"] == pytest.approx(expected[row["arm"]], rel=1e-5)
    for row in rows_of(report, "preference_xquad_r"):
        assert row["same_language_share_10"] == pytest.approx(0.4)
        assert row["same_language_pool_share"] == pytest.approx(1 / 3)
        assert row["first_wrong_own"] == pytest.approx(0.3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_mean_over_languages_is_the_result(report, setting):
    name = setting.replace("-", "_")
    results = {row["arm"]: row[f"atlas_{name}_map"] for row in rows_of(report, "results")}
    for row in rows_of(report, f"languages_atlas_{name}"):
        assert np.mean([row[language] for language in ("de", "en", "th")]) == pytest.approx(row["mean"], abs=1e-9)
        assert row["mean"] == pytest.approx(results[row["arm"]], abs=1e-9)


def test_language_pairs_come_from_their_own_queries(report, queries):
    rows = rows_of(report, "pairs_atlas")
    assert len(rows) == 6 * 9
    for row in rows:
        same = row["query_language"] == row["pool_language"]
        part = queries[
            (queries["benchmark"] == "atlas")
            & (queries["setting"] == ("monolingual" if same else "cross-lingual"))
            & (queries["arm"] == row["arm"])
            & (queries["query_language"] == row["query_language"])
            & (queries["pool_language"] == row["pool_language"])
        ]
        assert row["value"] == pytest.approx(part.groupby("seed")["map"].mean().mean(), abs=1e-6)


def test_the_search_table_counts_every_trial_and_finds_the_best(report, finished_study):
    specs = [json.loads(path.read_text()) for path in (finished_study / "trials").glob("search-*/trial.json")]
    results = {
        path.parent.name: json.loads(path.read_text())
        for path in (finished_study / "trials").glob("search-*/result.json")
    }
    rows = {row["family"]: row for row in rows_of(report, "search")}
    assert set(rows) == {spec["branch"] for spec in specs}
    for family, row in rows.items():
        own = [results[spec["id"]] for spec in specs if spec["branch"] == family]
        complete = [r for r in own if r["status"] == "complete"]
        assert (row["planned"], row["complete"], row["pruned"], row["failed"]) == (6, 5, 1, 0)
        assert row["best"] == pytest.approx(max(r["metrics"]["dev/multilingual/map"] for r in complete))
        assert row["pairs"] == sum(r["cost"]["pairs"] for r in own)
    assert len(rows_of(report, "static_ratio")) == sum(
        spec["config"]["ratio"]["family"] == "constant" for spec in specs
    )


def test_cost_is_the_mean_over_seeds_and_gpu_hours_count_the_gpus(report, tmp_path, write_study):
    for row in rows_of(report, "cost"):
        assert (row["pairs"], row["train_seconds"], row["gpu_hours"]) == (9600, 10.0, 0.0)
    folder = write_study(tmp_path, questions=4)
    for path in (folder / "trials").glob("confirm-*/result.json"):
        edit(path, lambda result: result["cost"].update(gpus=4, total_seconds=1800.0))
    for row in rows_of(build_report([str(folder)]), "cost"):
        assert row["gpu_hours"] == pytest.approx(2.0)


def test_energy_is_worker_hours_times_the_power_that_was_named(tmp_path, write_study):
    folder = write_study(tmp_path, questions=4)
    for path in (folder / "trials").glob("confirm-*/result.json"):
        # Half an hour on 4 workers of 300 W; seeds that took longer count for what they took.
        seconds = 2700.0 if path.parent.name.endswith("-11") else 1800.0
        edit(path, lambda result, seconds=seconds: result["cost"].update(workers=4, gpus=0, total_seconds=seconds))
    table = build_report([str(folder)], watts=300.0).table("cost")
    for row in table.records():
        assert row["energy"] == pytest.approx((0.9 + 0.6 + 0.6) / 3)
        assert row["gpu_hours"] == 0
    assert next(column for column in table.columns if column.key == "energy").unit == "kWh"
    assert "an estimate from one figure, not a measurement: hours x workers x 300 W" in " ".join(table.notes)


def test_without_a_power_there_is_no_energy(report):
    table = report.table("cost")
    assert "energy" not in {column.key for column in table.columns}
    assert "nergy" not in " ".join(table.notes)


def test_published_results_stand_beside_ours_with_the_difference(tmp_path: Path, write_study: Callable[..., Path]):
    folder = write_study(tmp_path, benchmarks=("xquad-r",), models=("xlm-r-base",), questions=6)
    rows = rows_of(build_report([str(folder)]), "published")
    cross = next(r for r in rows if r["arm"] == "X-Y" and r["metric"] == "xquad-r/multilingual/map")
    assert cross["published"] == pytest.approx(0.5934, abs=1e-4)
    assert cross["difference"] == pytest.approx(cross["ours"] - cross["published"])
    assert any(r["metric"] == "xquad-r/bias/rank_distance" for r in rows)


def test_the_dev_set_is_no_result(report):
    assert [benchmark.name for benchmark in report.findings.facts.benchmarks] == ["atlas", "xquad-r"]
    assert "dev" not in {row["benchmark"] for row in rows_of(report, "other_metrics")}


def test_the_data_are_named_with_their_use_and_fingerprint(report):
    rows = {(row["use"], row["name"]): row for row in rows_of(report, "data")}
    assert set(rows) == {
        ("training", "atlas"),
        ("left out", "other"),
        ("dev", "dev"),
        ("test", "atlas"),
        ("test", "xquad-r"),
    }
    assert rows["test", "atlas"]["fingerprint"] == "fp-atlas"
    assert rows["dev", "dev"]["fingerprint"] == "fp-dev"
    assert [(r["set"], r["benchmark"], r["items"], r["treated"]) for r in rows_of(report, "overlap")] == [
        ("atlas", "atlas", 2, "dropped"),
        ("atlas", "xquad-r", 2, "dropped"),
    ]
    (shown,) = rows_of(report, "overlap_examples")
    assert (shown["benchmark"], shown["training"], shown["evaluation"]) == ("xquad-r", "Who won?!", "who won")


def test_every_table_is_named_once(report: Report):
    names = [table.name for table in report.tables]
    assert len(names) == len(set(names))
    assert all(isinstance(table, Table) for table in report.tables)
