"""The published tables, fed through our code, give the printed means."""

from dataclasses import replace

import pytest

from analysis.contents import build_report
from analysis.facts.published import model_name, published_results
from tests.analysis.conftest import ARMS

# The differences in means of arXiv 2408.10536 at four decimals, from its tables 3 to 6.
MINUS_CROSS = {
    ("xlm-r", "xquad-r"): (0.0423, 0.0056, -0.0007),
    ("xlm-r", "mlqa-r"): (0.0225, 0.0034, 0.0045),
    ("labse", "xquad-r"): (0.0159, 0.0054, 0.0026),
    ("labse", "mlqa-r"): (0.0154, 0.0044, 0.0030),
}
MINUS_MONO = {
    ("xlm-r", "xquad-r"): (0.0059, 0.0316, 0.0448),
    ("xlm-r", "mlqa-r"): (0.0006, 0.0391, 0.0390),
    ("labse", "xquad-r"): (0.0084, 0.0153, 0.0300),
    ("labse", "mlqa-r"): (0.0057, 0.0250, 0.0281),
}
SETTINGS = ("monolingual", "cross-lingual", "multilingual")


def test_every_printed_mean_comes_out():
    compared = [series for series in published_results() if series.by_language and series.printed_mean is not None]
    assert len(compared) == 6 * 3 * 2 + 6 * 2 + 6 * 2
    for series in compared:
        digits = 1 if series.metric == "rank_distance" else 4
        # Printed means were rounded from unrounded languages: the last digit may be off by one unit.
        assert series.mean == pytest.approx(series.printed_mean, abs=0.75 * 10**-digits), series


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_study):
    arms = [replace(arm, same_as="hybrid 0.5") if arm.name == "best static" else arm for arm in ARMS]
    folder = write_study(
        tmp_path_factory.mktemp("studies"),
        arms=arms,
        benchmarks=("xquad-r", "mlqa-r", "atlas"),
        questions=12,
        languages=("de", "en"),
        search_trials=1,
    )
    return build_report([str(folder)])


@pytest.mark.parametrize(("baseline", "expected"), [("X-Y", MINUS_CROSS), ("X-X-mono", MINUS_MONO)])
def test_the_published_differences_stand_beside_ours(report, baseline, expected):
    rows = [
        row
        for row in report.table("published_differences").records()
        if row["pair"] == f"hybrid \N{MINUS SIGN} {baseline}" and row["metric"] == "mAP"
    ]
    assert len(rows) == 6
    for row in rows:
        place = SETTINGS.index(row["setting"])
        for model in ("xlm-r", "labse"):
            key = f"published_{model.replace('-', '_')}"
            assert row[key] == pytest.approx(expected[model, row["benchmark"]][place], abs=1.1e-4)
            assert f"{key}_low" not in row
        column = f"{row['benchmark']}/{row['setting']}/map"
        ours = {name: report.findings.facts.find(name).values(column) for name in ("hybrid 0.5", baseline)}
        gap = sum(ours["hybrid 0.5"].values()) / 3 - sum(ours[baseline].values()) / 3
        assert row["ours_small"] == pytest.approx(gap, abs=1e-6)
        assert row["ours_small_low"] < row["ours_small"] < row["ours_small_high"]


def test_the_published_rank_distances_stand_beside_ours(report):
    rows = [row for row in report.table("published_differences").records() if row["metric"] == "rank distance"]
    assert {(row["pair"][-3:], row["benchmark"]) for row in rows} == {
        (end, benchmark) for end in ("ono", "X-Y") for benchmark in ("xquad-r", "mlqa-r")
    }
    assert all(row["published_xlm_r"] is not None and row["ours_small_low"] is not None for row in rows)


def test_signs_are_told_where_print_has_one_and_an_interval_leaves_zero_out(report):
    rows = list(report.table("published_differences").records())
    remarks = [row["ours_small_remark"] for row in rows]
    ambiguous = set()
    for row, remark in zip(rows, remarks, strict=True):
        printed = {row[f"published_{model}"] > 0 for model in ("xlm_r", "labse")}
        low, high = row["ours_small_low"], row["ours_small_high"]
        if len(printed) > 1:
            assert remark == ""
            ambiguous.add((row["pair"][-3:], row["benchmark"], row["setting"], row["metric"]))
        elif low <= 0 <= high:
            assert remark == "open"
        else:
            assert remark == ("as in print" if printed == {low > 0} else "not as in print")
    assert ambiguous == {
        ("X-Y", "xquad-r", "multilingual", "mAP"),
        ("X-Y", "mlqa-r", "multilingual", "rank distance"),
    }
    told = [remarks.count(one) for one in ("as in print", "not as in print", "open")]
    expected = (
        f"Of {sum(told)} published differences between hybrid batches and a pure strategy, {told[0]} have the same "
        f"sign here, {told[1]} the other one, and {told[2]} cannot be told from zero."
    )
    assert expected in report.answer
    assert sum(told) == len(rows) - len(ambiguous)


def test_the_published_means_stand_beside_ours(report):
    rows = report.table("published_means").records()
    found = {(r["strategy"], r["benchmark"], r["setting"]): r for r in rows if r["metric"] == "mAP"}
    assert len(found) == 3 * 2 * 3
    for one in published_results():
        row = found.get((one.strategy, one.benchmark, one.setting))
        if one.metric == "map" and row is not None:
            assert row[f"published_{one.model.replace('-', '_')}"] == one.mean
    results = {row["arm"]: row for row in report.table("results").records()}
    assert found["hybrid", "xquad-r", "multilingual"]["ours_small"] == results["hybrid 0.5"]["xquad_r_multilingual_map"]
    assert found["X-Y", "mlqa-r", "monolingual"]["ours_small"] == results["X-Y"]["mlqa_r_monolingual_map"]


def test_published_tables_say_that_they_are_single_runs(report):
    for name in ("published_means", "published_differences"):
        assert "Published: single run: no interval." in report.table(name).notes


def test_without_a_published_benchmark_there_is_no_published_table(tmp_path, write_study):
    small = {"questions": 4, "languages": ("de", "en"), "search_trials": 1, "with_queries": False}
    report = build_report([str(write_study(tmp_path, **small))])
    assert report.table("published_means") is None
    assert report.table("published_differences") is None


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("xlm-r-base", "xlm-r"),
        ("FacebookAI/xlm-roberta-large", "xlm-r"),
        ("sentence-transformers/LaBSE", "labse"),
        ("mini-s", None),
        ("xlm-r-xl", None),
        ("xlm-r-xxl", None),
        ("facebook/xlm-roberta-xxl", None),
        ("xlm-roberta-large-finetuned-conll03-english", None),
        ("LaBSE-en-ru", None),
    ],
)
def test_models_are_those_that_the_published_ones_may_be(ours, theirs):
    assert model_name(ours) == theirs
