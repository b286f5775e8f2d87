"""What is drawn is what the tables say."""

import json
import re

import numpy as np
import pytest

from analysis.contents import build_report
from analysis.figures import report_figures
from analysis.figures.search import varied
from analysis.figures.style import COLOURS, DASHES, MARKERS, look
from analysis.findings import Findings
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
