"""Where the spread comes from, in the table of the details."""

import pytest

from analysis.contents import build_report
from analysis.facts.facts import Place
from analysis.statistics.variance import two_way


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_study):
    small = {"questions": 20, "languages": ("de", "en"), "search_trials": 1}
    return build_report([str(write_study(tmp_path_factory.mktemp("studies"), **small))])


def test_shares_are_those_of_the_variance_of_the_mean(report):
    rows = {(row["of"], row["setting"]): row for row in report.table("spread").records()}
    arms = [arm.label for arm in report.findings.facts.arms]
    assert {name for name, _ in rows} == {"best dynamic \N{MINUS SIGN} best static", *arms}
    arm = report.findings.facts.find("best dynamic")
    place = Place("atlas", "multilingual", report.findings.facts.measure("map"))
    table = report.findings.questions.table(arm, place)
    parts = two_way(table.values)
    row = rows["best dynamic", "multilingual"]
    assert row["standard_error"] == pytest.approx(parts.standard_error)
    assert row["seed"] == pytest.approx(parts.seed_variance / 3 / parts.standard_error**2)
    for row in rows.values():
        assert row["seed"] + row["question"] + row["seed_question"] == pytest.approx(1)
        assert row["seeds"] == 3


def test_the_differences_of_the_question_are_paired(report):
    (judged,) = [j for j in report.findings.comparisons.main if j.place.setting == "cross-lingual"]
    tables = [report.findings.questions.table(arm, judged.place) for arm in (judged.first, judged.second)]
    parts = two_way(tables[0].minus(tables[1]).values)
    (row,) = [
        r for r in report.table("spread").records() if "\N{MINUS SIGN}" in r["of"] and r["setting"] == "cross-lingual"
    ]
    assert row["standard_error"] == pytest.approx(parts.standard_error)
    assert row["question"] == pytest.approx(parts.question_variance / 20 / parts.standard_error**2)


def test_single_runs_have_no_spread(tmp_path, write_study):
    small = {"questions": 4, "languages": ("de", "en"), "search_trials": 1, "seeds": (1,)}
    assert build_report([str(write_study(tmp_path, **small))]).table("spread") is None
