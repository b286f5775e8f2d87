"""Where the spread comes from, in the table of the details."""

import numpy as np
import pytest
from scipy import stats

from analysis.contents import build_report
from analysis.facts.facts import Place
from analysis.findings.panels import key
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
    panel = report.findings.panels.of(arm, place)
    values = panel.values[panel.arms.index(key(arm))]
    row = rows["best dynamic", "multilingual"]
    assert row["standard_error"] == pytest.approx(panel.mean(key(arm)).standard_error)
    # The squares of this arm alone, recomputed; other arms may only add to the variance between seeds.
    parts = two_way(values)
    question = (parts.question_square - parts.rest_square) / (3 * 20)
    assert row["question"] == pytest.approx(question / row["standard_error"] ** 2)
    assert row["seed"] * row["standard_error"] ** 2 >= (parts.seed_square - parts.rest_square) / (3 * 20) - 1e-12
    for row in rows.values():
        assert row["seed"] + row["question"] + row["seed_question"] == pytest.approx(1)
        assert row["seeds"] == 3


def test_the_spread_of_the_question_is_that_of_its_interval(report):
    """Questions are paired, seeds are not: half the interval is the standard error times Student's quantile."""
    for row in (r for r in report.table("spread").records() if "\N{MINUS SIGN}" in r["of"]):
        (judged,) = [j for j in report.findings.comparisons.main if j.place.setting == row["setting"]]
        panel = report.findings.panels.of_pair(judged.first, judged.second, judged.place)
        one, other = (panel.values[panel.arms.index(key(arm))] for arm in (judged.first, judged.second))
        of_questions = np.var((one - other).mean(axis=0), ddof=1) / 20
        assert (row["question"] + row["seed_question"]) * row["standard_error"] ** 2 == pytest.approx(of_questions)
        estimate = panel.difference(key(judged.first), key(judged.second), is_alone=judged.family == "question")
        low, high = judged.comparison.interval
        half = stats.t.isf(0.025 / judged.comparison.n_comparisons, estimate.degrees_of_freedom)
        assert row["standard_error"] == pytest.approx(estimate.standard_error)
        assert (high - low) / 2 >= half * row["standard_error"] * (1 - 1e-9)


def test_single_runs_have_no_spread(tmp_path, write_study):
    small = {"questions": 4, "languages": ("de", "en"), "search_trials": 1, "seeds": (1,)}
    assert build_report([str(write_study(tmp_path, **small))]).table("spread") is None
