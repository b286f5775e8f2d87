"""What is drawn is what the tables say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.contents import build_report
from analysis.facts.facts import Estimate
from analysis.render.table import format_value
from analysis.sections import questions, ratio
from analysis.sections.frame import frame
from analysis.sections.importance import varied
from tests.analysis.conftest import edit, keep_queries

SETTINGS = {"monolingual": "monolingual", "cross-lingual": "cross_lingual", "multilingual": "multilingual"}
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_study):
    return build_report([str(write_study(tmp_path_factory.mktemp("studies"), questions=20, search_trials=12))])


def drawn(report, name):
    """The rows of a figure."""
    return report.figure(name).specification()["datasets"]["rows"]


def with_interval(row, key, kind):
    ends = ", ".join(format_value(row[f"{key}_{end}"], kind) for end in ("low", "high"))
    return f"{format_value(row[key], kind)} [{ends}]"


def test_the_ratio_curve_goes_through_the_results(report):
    results = {row["arm"]: row for row in report.table("results").records()}
    rows = drawn(report, "ratio_atlas")
    for setting, key in SETTINGS.items():
        constant = [row for row in rows if row["setting"] == setting and row["series"] == ratio.CONSTANT]
        assert [(row["ratio"], row["arm"]) for row in constant] == [
            (0.0, "X-Y"),
            (0.3, "best static"),
            (1.0, "X-X-mono"),
        ]
        moving = [row for row in rows if row["setting"] == setting and row["series"] != ratio.CONSTANT]
        assert [row["arm"] for row in moving] == ["best dynamic"]
        for row in (*constant, *moving):
            assert row["value_text"] == with_interval(results[row["arm"]], f"atlas_{key}_map", "score")


def test_the_forest_shows_the_comparisons_of_quality(report):
    expected = {
        (f"{row['arm']} {MINUS} {row['baseline']}", row["setting"]): (
            with_interval(row, "difference", "difference"),
            row["verdict"],
        )
        for row in report.table("comparisons").records()
        if row["metric"] == "mAP"
    }
    rows = drawn(report, "forest_atlas")
    assert {(r["pair"], r["setting"]): (r["difference_text"], r["verdict"]) for r in rows} == expected
    assert report.figure("forest_atlas").data.name == "comparisons"


def test_the_heat_map_holds_every_pair_of_languages(report):
    pairs = {
        (r["arm"], r["query_language"], r["pool_language"]): r["value"] for r in report.table("pairs_atlas").records()
    }
    rows = drawn(report, "pairs_atlas")
    assert len(rows) == 9
    for row in rows:
        one, other = (pairs[arm, row["query"], row["pool"]] for arm in ("best dynamic", "best static"))
        assert row["value"] == pytest.approx(one, abs=1e-6)
        assert row["difference"] == pytest.approx(one - other, abs=1e-6)


def test_the_bars_of_time_say_what_the_table_of_costs_says(report):
    rows = {(row["arm"], row["part"]): row for row in drawn(report, "time_split")}
    for row in report.table("cost").records():
        for part in ("train", "encode", "score", "wait"):
            said = rows[row["arm"], part.capitalize()]["seconds_text"]
            assert said == format_value(row[f"{part}_seconds"], "seconds")
        assert rows[row["arm"], "Train"]["total_text"] == format_value(row["total_seconds"], "seconds")


def test_the_schedule_drawn_is_the_one_reported(report):
    folder = Path(report.findings.facts.find("best dynamic").runs[0].location)
    lines = [json.loads(line) for line in (folder / "reports.jsonl").read_text().splitlines()]
    rows = [row for row in drawn(report, "schedules") if row["arm"] == "best dynamic"]
    for series, key in (
        ("\N{GREEK SMALL LETTER ALPHA} asked for", "ratio"),
        ("monolingual share so far", "mono_share"),
    ):
        found = [(row["progress"], row["value"]) for row in rows if row["series"] == series]
        expected = [(line["step"] / line["steps"], line[key]) for line in lines]
        assert np.array(found) == pytest.approx(np.array(expected), abs=1e-6)


def test_the_picture_of_the_answer_shows_the_questions_own_difference_first(report):
    expected = {
        r["setting"]: (r["difference_text"], r["verdict"])
        for r in drawn(report, "forest_atlas")
        if r["pair"] == f"best dynamic {MINUS} best static"
    }
    rows = drawn(report, "main_comparison")
    assert {r["place"]: (r["difference_text"], r["verdict"]) for r in rows} == expected
    assert [r["is_question"] for r in rows] == [r["place"] == "multilingual" for r in rows]
    assert rows[0]["is_question"]


def test_trade_offs_have_the_intervals_of_the_results(report):
    results = {row["arm"]: row for row in report.table("results").records()}
    rows = {row["arm"]: row for row in drawn(report, "trade_off_atlas")}
    assert set(rows) == set(results)
    for arm, row in rows.items():
        for key in SETTINGS.values():
            assert row[f"{key}_text"] == with_interval(results[arm], f"atlas_{key}_map", "score")
        assert row["rank_distance_text"] == with_interval(results[arm], "atlas_bias_rank_distance", "rank")


def test_learning_curves_are_means_over_the_seeds(report):
    arm = report.findings.facts.find("X-Y")
    runs = [{one.step: one.loss for one in run.progress} for run in arm.runs]
    found = {
        r["step"]: r["value"]
        for r in drawn(report, "learning_curves")
        if (r["arm"], r["panel"]) == ("X-Y", "training loss")
    }
    assert found == pytest.approx({step: np.mean([run[step] for run in runs]) for step in runs[0]}, abs=1e-5)


def test_importance_is_drawn_where_enough_trials_ended(report):
    assert "all families" in report.figure("importance").description
    shares = pd.DataFrame(drawn(report, "importance")).groupby("group")["importance"].sum()
    assert shares.to_numpy() == pytest.approx(1, abs=1e-4)


def test_only_what_differs_between_trials_counts_as_varied(report):
    found = varied([run for run in report.findings.facts.search_runs() if run.branch == "linear"])
    assert set(found) == {"ratio.start", "ratio.end", "optimiser.learning_rate"}


def test_of_many_search_trials_the_best_are_drawn_and_that_is_said(report, monkeypatch):
    table = report.table("static_ratio")
    every = sorted((row["value"] for row in table.records() if row["status"] == "complete"), reverse=True)
    monkeypatch.setattr(ratio, "MOST_POINTS", 10)
    (figure,) = ratio.dev_curve(report.findings)
    rows = figure.specification()["datasets"]["rows"]
    points = [row["value"] for row in rows if row["series"] == ratio.TRIAL]
    assert points == pytest.approx(every[:10], abs=1e-6)
    # The curve of the best is whole.
    best = {row["ratio"]: row["value"] for row in rows if row["series"] == ratio.BEST}
    complete = [row for row in table.records() if row["status"] == "complete"]
    assert best == {
        r: max(row["value"] for row in complete if row["ratio"] == r) for r in {row["ratio"] for row in complete}
    }
    assert figure.caption == ratio.DEV
    assert report.figure("dev_ratio").caption == ""


def test_question_by_question_counts_the_questions_own_differences(tmp_path, write_study):
    folder = write_study(tmp_path, questions=30, search_trials=1)

    def kept(rows):
        # As in MLQA-R: every question in English, two of three in German, one of three in Thai.
        number = rows["parallel_id"].str[1:].astype(int) % 3
        absent = {"th": number != 0, "de": number == 1}
        gone = [
            (rows[column] == name) & held
            for column in ("query_language", "pool_language")
            for name, held in absent.items()
        ]
        return ~np.logical_or.reduce(gone)

    for trial in folder.glob("trials/confirm-*"):
        keep_queries(trial, kept)
    arms = []
    for arm in ("best-dynamic", "best-static"):
        held = pd.concat([pd.read_parquet(p) for p in folder.glob(f"trials/confirm-{arm}-1?/per_query.parquet")])
        arms.append(held.astype({"map": float}).groupby(["setting", "parallel_id"])["map"].mean())
    own = arms[0] - arms[1]
    report = build_report([str(folder)])
    main = report.findings.comparisons.main
    tables = [
        report.findings.questions.table(j.first, j.place).minus(report.findings.questions.table(j.second, j.place))
        for j in main
    ]
    # A question's influence on the metric may have the other sign.
    assert any(
        (own[j.place.setting].to_numpy() * t.values.mean(axis=0) < 0).any() for j, t in zip(main, tables, strict=True)
    )
    (figure,) = questions.questions(report.findings)
    rows = figure.specification()["datasets"]["rows"]
    for j in main:
        setting = j.place.setting
        better, worse = (100 * float(np.mean(held)) for held in (own[setting] > 0, own[setting] < 0))
        assert (
            f"{j.place.label}: better on {better:.0f} %, worse on {worse:.0f} % of the questions" in figure.description
        )
        steps = [row for row in rows if row["setting"] == setting]
        assert [row["difference"] for row in steps] == pytest.approx(sorted(own[setting]), abs=1e-6)
        assert [row["from"] for row in steps] == pytest.approx([0.0, *(row["share"] for row in steps[:-1])])


@pytest.mark.parametrize("log", [False, True])
def test_long_bars_do_not_bury_the_marks(log):
    short, long = ([Estimate(mean, mean - half, mean + half, 2) for mean in (0.4, 0.6)] for half in (0.01, 30.0))
    low, high = frame(short, log)
    assert low < 0.39
    assert high > 0.61
    low, high = (np.log(end) if log else end for end in frame(long, log))
    marks = np.log([0.4, 0.6]) if log else np.array([0.4, 0.6])
    assert (marks[1] - marks[0]) / (high - low) > 0.45
    assert low < marks[0] < marks[1] < high


def test_what_has_nothing_to_draw_is_left_out(tmp_path, write_study):
    folder = write_study(tmp_path, questions=4, seeds=(1, 2), search_trials=1)
    for path in folder.glob("trials/*/result.json"):
        edit(path, lambda one: one | {"cost": {k: v if k == "device" else 0 for k, v in one["cost"].items()}})
    report = build_report([str(folder)])
    assert report.figure("time_split") is None
    assert all(width > 0 and height > 0 for width, height in (figure.size for figure in report.figures))
