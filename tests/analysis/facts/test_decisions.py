"""A study that stopped by looking at its own results is judged by its recorded decision, not by a test of its own."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import compare
from analysis.contents import Report, build_report
from analysis.render.page import page
from study.plan.more_seeds import decide
from study.records import DecisionRecord
from study.study_folder import open_study
from tests.analysis.conftest import ARMS, edit, edit_arms
from trainables.sealed import validated

SEEDS = (0, 1, 2, 3, 4)
PAIR = tuple(arm for arm in ARMS if arm.name in ("best static", "best dynamic"))
PLANTED = {
    "verdict": "worse",
    "difference": -0.1234,
    "interval": [-0.2345, -0.0123],
    "p": 0.00321,
    "level": 0.00456,
    "sentence": "After 5 of at most 9 seeds the planted verdict is 'worse': no more seeds are needed.",
}
"""What no test of these records would find."""


def decided(folder: Path, looks: list[int], most: int, **changes: Any) -> DecisionRecord:
    """Decides about more seeds and records that, with some values changed."""
    study = open_study(str(folder))
    values = decide(study, looks, most).model_dump(mode="json")
    decision = validated(values | changes, DecisionRecord)
    study.write_decision(decision)
    return decision


@pytest.fixture(scope="module")
def undecided(tmp_path_factory, write_study) -> Path:
    return write_study(tmp_path_factory.mktemp("studies"), seeds=SEEDS, questions=20, search_trials=1)


@pytest.fixture(scope="module")
def planted(tmp_path_factory, write_study) -> Path:
    folder = write_study(tmp_path_factory.mktemp("studies"), seeds=SEEDS, questions=20, search_trials=1)
    decided(folder, [3, 4, 5], 9, **PLANTED)
    return folder


@pytest.fixture
def small(tmp_path, write_study) -> Path:
    return write_study(tmp_path, seeds=SEEDS[:3], questions=6, search_trials=1, arms=PAIR)


@pytest.fixture(scope="module")
def report(planted: Path) -> Report:
    return build_report([str(planted)])


def test_the_answer_is_the_decision(report):
    minus = "\N{MINUS SIGN}"
    assert report.answer.startswith(
        "Best dynamic (α best dynamic, one line) is worse than best static (α best static, one line, the best of 3 "
        f"search trials) on mAP of atlas, multilingual: {minus}.123 [{minus}.234, {minus}.012]. The difference is best "
        "dynamic minus best static (95 % repeated confidence interval, 3 looks; 5 seeds x 20 questions). "
        f"{PLANTED['sentence']}"
    )


def test_the_tables_hold_the_decision_for_its_place_and_tests_for_all_others(report, undecided):
    without = build_report([str(undecided)])
    for name in ("comparisons", "verdicts"):
        assert len(report.table(name).rows) == len(without.table(name).rows)
    rows = {(r["arm"], r["baseline"], r["setting"], r["metric"]): r for r in report.table("comparisons").records()}
    plain = {(r["arm"], r["baseline"], r["setting"], r["metric"]): r for r in without.table("comparisons").records()}
    decided = ("best dynamic", "best static", "multilingual", "mAP")
    row = rows.pop(decided)
    assert (row["verdict"], row["difference"], row["p"], row["detectable"]) == ("worse", -0.1234, None, None)
    assert (row["difference_low"], row["difference_high"], row["p_remark"]) == (-0.2345, -0.0123, "sequential")
    own = [key for key in rows if key[:2] == decided[:2] and key[3] == "mAP"]
    assert len(own) == 2
    for key, found in rows.items():
        same = ("difference", "difference_low", "difference_high")
        assert [found[k] for k in same] == [plain[key][k] for k in same]
        # The decision is the question and a family of its own: the others are as strict as without it.
        assert (found["p"], found["verdict"]) == (plain[key]["p"], plain[key]["verdict"])
        assert found["family_size"] == plain[key]["family_size"] == (2 if key in own else 24 - 3)


def test_notes_methods_and_references_name_the_rule(report):
    (note, *_) = [n for n in report.table("comparisons").notes if n.startswith("Sequential")]
    assert "3 looks (3, 4, 5 seeds) of at most 9; p = 0.0032" in note
    assert "0.0046 (Lan and DeMets 1983)" in note
    assert "3 looks, at 3, 4 and 5 seeds" in report.methods
    assert "of 2 comparisons of the same arms in other settings and 21 comparisons of all other" in report.methods
    for key in ("lan1983discrete", "kim1987design", "jennison1989interim"):
        assert key in report.references


@pytest.mark.slow
def test_the_page_says_it_in_its_headline(report):
    # The interval is never broken over two lines.
    text = page(report).replace("\N{NO-BREAK SPACE}", " ")
    assert "is worse than" in text
    assert "mAP of atlas, multilingual: \N{MINUS SIGN}.123 [\N{MINUS SIGN}.234, \N{MINUS SIGN}.012].</h1>" in text
    assert "repeated confidence interval" in text


def test_a_study_without_the_record_does_not_speak_of_looks(undecided):
    report = build_report([str(undecided)])
    assert "looks" not in report.methods
    assert "jennison" not in report.references
    assert all(judged.comparison.sequential is None for judged in report.findings.comparisons.judged)


def test_comparing_the_two_arms_gives_the_same_verdict(planted, tmp_path, capsys):
    arguments = [str(planted), "best dynamic", "best static", "--top", "1", "--output", str(tmp_path)]
    assert compare.main(arguments) == 0
    out = capsys.readouterr().out
    own, there = (
        next(row for row in pd.read_csv(tmp_path / name).to_dict("records") if row["setting"] == "multilingual")
        for name in ("overview.csv", "in_report.csv")
    )
    # Beside the test of the two arms alone stands what the report says.
    assert own["verdict"] == "better"
    assert (there["verdict"], there["difference"], there["family"]) == ("worse", -0.1234, "question")
    assert (there["family_size"], there["p_remark"]) == (1, "sequential")
    assert "verdicts are those to cite" in " ".join(out.split())


def test_the_other_direction_is_not_what_was_decided(planted, capsys):
    assert compare.main([str(planted), "best static", "best dynamic", "--top", "1"]) == 0
    assert "sequential" not in capsys.readouterr().out


def test_more_seeds_than_the_decision_rests_on_are_named(tmp_path, write_study):
    folder = write_study(tmp_path, seeds=SEEDS, questions=12, search_trials=1, arms=PAIR)
    decision = decided(folder, [3, 4], 9)
    report = build_report([str(folder)])
    (note, *_) = [n for n in report.table("comparisons").notes if n.startswith("Sequential")]
    assert "rests on the first 4 of the 5 seeds" in note
    row = next(r for r in report.table("comparisons").records() if r["p_remark"] == "sequential")
    assert (row["seeds"], row["difference"]) == (4, decision.difference)


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"interval": [0, 1]}', '{"interval": [0, 1], "verdict": "perhaps"}', "null"]
)
def test_a_damaged_record_is_named_and_left_out(small, content):
    (small / "stopping.json").write_text(content, encoding="utf-8")
    check_left_out(small)


@pytest.mark.parametrize(
    "changes", [{"verdict": "perhaps"}, {"interval": [0]}, {"looks": None}, {"difference": "much"}, {"more": 1}]
)
def test_a_record_of_another_shape_is_named_and_left_out(small, changes):
    decided(small, [3], 9)
    edit(small / "stopping.json", lambda values: values | changes)
    check_left_out(small)


def test_a_record_that_was_changed_by_hand_is_named_and_left_out(small):
    decided(small, [3], 9)
    path = small / "stopping.json"
    path.write_text(path.read_text().replace('"max_seeds": 9', '"max_seeds": 8'))
    check_left_out(small)


def check_left_out(folder: Path) -> None:
    report = build_report([str(folder)])
    assert any("stopping.json is damaged and was left out" in line for line in report.first_lines)
    assert all(judged.comparison.sequential is None for judged in report.findings.comparisons.judged)


def test_arms_with_the_same_training_have_no_interval_to_show(small):
    twin = {"same_as": "best static"}
    edit_arms(small, lambda arms: [arm | (twin if arm["arm"] == "best dynamic" else {}) for arm in arms])
    decision = decided(small, [3], 9)
    assert (decision.stop, decision.verdict) == (True, "equivalent")
    report = build_report([str(small)])
    assert "are the same training" in report.answer
    assert not report.first_lines


def test_seeds_of_another_study_are_not_covered_by_the_decision(tmp_path, write_study):
    first = write_study(tmp_path, name="first", seeds=SEEDS, questions=12, search_trials=1, arms=PAIR)
    second = write_study(tmp_path, name="second", seeds=(10, 11), questions=12, search_trials=1, arms=PAIR)
    decided(first, [3, 4, 5], 9, **PLANTED)
    report = build_report([str(first), str(second)])
    assert all(judged.comparison.sequential is None for judged in report.findings.comparisons.judged)
    assert any("chose its number of seeds by its own results" in line for line in report.first_lines)
    assert "7 seeds" in report.answer


@pytest.mark.slow
def test_with_factors_the_decision_is_on_the_mean_over_all_cells(tmp_path, write_study):
    folder = write_study(
        tmp_path, seeds=SEEDS, questions=12, search_trials=1, arms=PAIR, batch_sizes=(24, 48), models=("s", "l")
    )
    decided(folder, [3, 4, 5], 9, **PLANTED)
    report = build_report([str(folder)])
    every = "all models and batch sizes"
    assert report.answer.startswith(f"Best dynamic ({every}) is worse than best static ({every}) on mAP of atlas")
    assert ": \N{MINUS SIGN}.123 [" in report.answer
    by_looking = [j for j in report.findings.comparisons.judged if j.comparison.sequential is not None]
    assert [len(judged.first.parts) for judged in by_looking] == [4]


def test_a_study_that_waits_for_its_first_look_says_that_it_has_no_verdict(tmp_path, write_study):
    folder = write_study(tmp_path, seeds=SEEDS, questions=6, search_trials=1, arms=PAIR)
    edit(folder / "study.json", lambda info: info["settings"].update(until_separable=9))
    lines = build_report([str(folder)]).first_lines
    assert any("it was not looked at yet: what stands below is no verdict" in line for line in lines)
    decided(folder, [3], 9)
    assert not build_report([str(folder)]).first_lines
