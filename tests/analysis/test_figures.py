"""What is drawn is what the tables say."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis.contents import build_report
from analysis.figures import report_figures
from analysis.figures.outcome import _frame
from analysis.figures.questions import differences
from analysis.figures.search import varied
from analysis.figures.style import COLOURS, DASHES, MARKERS, look, style
from analysis.findings import Estimate, Findings
from study.records import open_study


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_study):
    return build_report([str(write_study(tmp_path_factory.mktemp("studies"), questions=20, search_trials=12))])


@pytest.fixture(scope="module")
def figures(report):
    return {figure.name: figure for figure in report_figures(report)}


def test_the_ratio_curve_goes_through_the_results(report, figures):
    results = {row["arm"]: row for row in report.table("results").records()}
    axes = figures["ratio_atlas"].canvas.axes
    for ax, setting in zip(axes, ("monolingual", "cross_lingual", "multilingual"), strict=True):
        x, y = ax.lines[0].get_data()
        assert list(x) == [0.0, 0.3, 1.0]
        expected = [results[arm][f"atlas_{setting}_map"] for arm in ("X-Y", "best static", "X-X-mono")]
        assert list(y) == pytest.approx(expected)
        across = [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]
        assert results["best dynamic"][f"atlas_{setting}_map"] in [pytest.approx(value) for value in across]


def test_the_forest_shows_the_intervals_of_the_comparisons(report, figures):
    ends = {
        (round(row["difference_low"], 9), round(row["difference_high"], 9))
        for row in report.table("comparisons").records()
        if row["metric"] == "mAP"
    }
    drawn = set()
    for ax in figures["forest_atlas"].canvas.axes:
        for line in ax.lines:
            x, y = line.get_data()
            if len(x) == 2 and y[0] == y[1]:
                drawn.add((round(float(x[0]), 9), round(float(x[1]), 9)))
    assert drawn == ends


def test_the_heat_map_holds_every_pair_of_languages(report, figures):
    pairs = {
        (r["query_language"], r["pool_language"]): r["value"]
        for r in report.table("pairs_atlas").records()
        if r["arm"] == "best dynamic"
    }
    mesh = figures["pairs_atlas"].canvas.axes[0].collections[0]
    expected = [[pairs[query, pool] for pool in ("de", "en", "th")] for query in ("de", "en", "th")]
    assert np.asarray(mesh.get_array()).reshape(3, 3) == pytest.approx(np.array(expected))


def test_the_schedule_drawn_is_the_one_reported(report, figures):
    folder = next(arm for arm in report.findings.arms if arm.name == "best dynamic").trials[0].folder
    lines = [json.loads(line) for line in folder.read_bytes("reports.jsonl").splitlines()]
    ax = next(ax for ax in figures["schedules"].canvas.axes if ax.get_title(loc="left") == "best dynamic")
    assert list(ax.lines[0].get_ydata()) == [line["ratio"] for line in lines]
    assert list(ax.lines[1].get_ydata()) == [line["mono_share"] for line in lines]


def test_inline_figures_share_no_id(figures):
    ids = [name for figure in figures.values() for name in re.findall(r'\bid="([^"]+)"', figure.inline_svg())]
    assert len(ids) == len(set(ids))


def test_no_two_of_many_series_look_alike_even_in_grey():
    looks = [look(index) for index in range(32)]
    assert len({str(one) for one in looks}) == 32
    points = [(one["marker"], one.get("markerfacecolor")) for one in looks]
    assert len(set(points[:16])) == 16
    assert len({(*point, str(one["linestyle"])) for point, one in zip(points, looks, strict=True)}) == 32
    assert len(set(COLOURS)) == len(MARKERS) == 8
    assert len(DASHES) == 4


def test_importance_is_drawn_where_enough_trials_ended(figures):
    assert "importance" in figures
    assert "all families" in figures["importance"].description


def test_only_what_differs_between_trials_counts_as_varied(report):
    findings = Findings([open_study(report.findings.studies[0].folder.location)])
    assert set(varied(findings.search_trials("linear"))) == {"ratio.start", "ratio.end", "learning_rate"}


def test_question_by_question_counts_the_questions_own_differences(tmp_path, write_study):
    folder = write_study(tmp_path, questions=30, search_trials=1)
    for path in folder.glob("trials/confirm-*/per_query.parquet"):
        # As in MLQA-R: every question in English, two of three in German, one of three in Thai.
        rows = pd.read_parquet(path)
        number = rows["parallel_id"].str[1:].astype(int) % 3
        absent = {"th": number != 0, "de": number == 1}
        gone = [
            (rows[column] == name) & held
            for column in ("query_language", "pool_language")
            for name, held in absent.items()
        ]
        rows[~np.logical_or.reduce(gone)].to_parquet(path)
    arms = []
    for arm in ("best-dynamic", "best-static"):
        held = pd.concat([pd.read_parquet(p) for p in folder.glob(f"trials/confirm-{arm}-1?/per_query.parquet")])
        arms.append(held.astype({"map": float}).groupby(["setting", "parallel_id"])["map"].mean())
    own = arms[0] - arms[1]
    report = build_report([str(folder)])
    with style():
        (figure,) = differences(report)
    tables = [
        report.queries.table(j.first, j.benchmark, j.setting, j.metric).minus(
            report.queries.table(j.second, j.benchmark, j.setting, j.metric)
        )
        for j in report.comparisons.main
    ]
    assert any(
        (own[j.setting].to_numpy() * t.values.mean(axis=0) < 0).any()
        for j, t in zip(report.comparisons.main, tables, strict=True)
    )
    for ax, setting in zip(figure.canvas.axes, ("monolingual", "cross-lingual", "multilingual"), strict=True):
        better, worse = (100 * float(np.mean(held)) for held in (own[setting] > 0, own[setting] < 0))
        assert ax.texts[0].get_text() == f"better on {better:.0f} %\nworse on {worse:.0f} %"
        bottom = min(area.get_paths()[0].vertices[:, 1].min() for area in ax.collections if len(area.get_paths()))
        assert bottom == pytest.approx(own[setting].min(), abs=1e-6)


def test_trade_offs_have_the_intervals_of_the_results(report, figures):
    results = {row["arm"]: row for row in report.table("results").records()}
    ax = figures["trade_off_atlas"].canvas.axes[0]
    drawn = {tuple(np.round(bar.get_segments()[0].ravel(), 9)) for bar in ax.collections if len(bar.get_segments())}
    for row in results.values():
        x, y = row["atlas_monolingual_map"], row["atlas_cross_lingual_map"]
        across = [row["atlas_monolingual_map_low"], y, row["atlas_monolingual_map_high"], y]
        up = [x, row["atlas_cross_lingual_map_low"], x, row["atlas_cross_lingual_map_high"]]
        assert {tuple(np.round(across, 9)), tuple(np.round(up, 9))} <= drawn


@pytest.mark.parametrize("log", [False, True])
def test_long_bars_do_not_bury_the_marks(log):
    short, long = ([Estimate(mean, mean - half, mean + half, 2) for mean in (0.4, 0.6)] for half in (0.01, 30.0))
    low, high = _frame(short, log)
    assert low < 0.39
    assert high > 0.61
    low, high = (np.log(end) if log else end for end in _frame(long, log))
    marks = np.log([0.4, 0.6]) if log else np.array([0.4, 0.6])
    assert (marks[1] - marks[0]) / (high - low) > 0.45
    assert low < marks[0] < marks[1] < high
