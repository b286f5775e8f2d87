"""Seeds that the arms of the question alone were given decide about the question, and about nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.contents import Report, build_report
from analysis.render.page import _facts as page_facts
from analysis.sections.cells import slug
from analysis.statistics.panel import Panel
from analysis.statistics.significance import judge
from study.plan.more_seeds import decide
from study.study_folder import open_study
from tests.analysis.conftest import ARMS, ArmTruth, edit, edit_arms
from trainables.records import RESULT

SEEDS, SHARED = tuple(range(7)), 3
MAIN = ("best dynamic", "best static")


def run_of(folder: Path, arm: str, seed: int) -> Path:
    return folder / "trials" / f"confirm-{arm.replace(' ', '-')}-{seed}"


def interrupted(folder: Path, kept: int) -> Path:
    """Takes from every arm but those of the question its seeds from some seed on."""
    for arm in ARMS:
        for seed in SEEDS[kept:] if arm.name not in MAIN else ():
            shutil.rmtree(run_of(folder, arm.name, seed))
    return folder


def asked(folder: Path, others: int) -> Path:
    """Makes it a study that was run with `--other-seeds`."""
    edit(folder / "study.json", lambda info: info | {"settings": info["settings"] | {"other_seeds": others}})
    return folder


def without_others(folder: Path, kept: int) -> Path:
    """A study that gave every arm but those of the question so many seeds only."""
    return asked(interrupted(folder, kept), kept)


def question_rows(report: Report) -> dict[tuple[str, str, str], dict]:
    """What the report says of the two arms of the question in quality."""
    return {key: row for key, row in rows(report, "comparisons", *MAIN).items() if key[2].endswith("mAP")}


def seeds_of(report: Report) -> dict[str, tuple[int, str | None]]:
    return {row["arm"]: (row["seeds"], row.get("seeds_remark")) for row in report.table("results").records()}


def notes_of(report: Report) -> str:
    return " ".join(report.table("results").notes)


def rows(report: Report, table: str, *pair: str) -> dict[tuple[str, str, str], dict]:
    found = {(r["arm"], r["baseline"], f"{r['setting']}/{r['metric']}"): r for r in report.table(table).records()}
    return {key: row for key, row in found.items() if not pair or key[:2] == pair}


@pytest.fixture(scope="module")
def studies(tmp_path_factory, write_study) -> dict[str, Path]:
    """The same runs: all of them, those of the shared seeds, and these with the added ones."""
    whole, few, added = (
        write_study(tmp_path_factory.mktemp(name), seeds=seeds, questions=20, search_trials=1, arms=ARMS)
        for name, seeds in (("whole", SEEDS), ("few", SEEDS[:SHARED]), ("added", SEEDS))
    )
    return {"whole": whole, "few": few, "added": without_others(added, SHARED)}


@pytest.fixture(scope="module")
def reports(studies: dict[str, Path]) -> dict[str, Report]:
    return {name: build_report([str(folder)]) for name, folder in studies.items()}


def test_means_and_marks_are_those_of_the_shared_seeds(reports) -> None:
    found, few = ({r["arm"]: r for r in reports[name].table("results").records()} for name in ("added", "few"))
    assert {row["seeds"] for row in found.values()} == {SHARED}
    for arm, row in found.items():
        marks = {key for key in row if key.endswith("_mark")}
        assert {key: v for key, v in row.items() if key not in marks} | {"seeds_remark": None} == {
            key: v for key, v in few[arm].items() if key not in marks
        } | {"seeds_remark": None}
        assert (row["seeds_remark"] == "and 4 for the question") == (arm in MAIN)
    notes = " ".join(reports["added"].table("results").notes)
    assert "rests on more: best static has 7 and best dynamic has 7." in notes
    assert "rests on more" not in " ".join(reports["few"].table("results").notes)


def test_the_question_rests_on_all_seeds_of_its_two_arms(reports, studies) -> None:
    own = rows(reports["added"], "comparisons", *MAIN)
    quality = {key: row for key, row in own.items() if key[2].endswith("mAP")}
    assert len(quality) == 3
    findings = reports["whole"].findings
    for (*_, where), row in quality.items():
        place = next(p for b in findings.facts.benchmarks for p in b.places if p.setting == where.split("/")[0])
        tables = {arm.name: findings.questions.table(arm, place) for arm in findings.facts.arms if arm.name in MAIN}
        is_question = place.setting == "multilingual"
        alone = judge(Panel.of(tables), *MAIN, 1 if is_question else 2, margin=0.005)
        assert (row["difference_low"], row["difference_high"]) == pytest.approx(alone.interval, abs=1e-12)
        assert row["family_size"] == (1 if is_question else 2)
    assert "7 seeds x 20 questions" in reports["added"].answer


def test_all_other_comparisons_are_those_of_the_shared_seeds(reports) -> None:
    found, few = (rows(reports[name], "comparisons") for name in ("added", "few"))
    assert set(found) == set(few)
    for key, row in found.items():
        if key[:2] != MAIN or not key[2].endswith("mAP"):
            assert row == few[key], key


def test_no_line_calls_the_added_seeds_left_out(reports) -> None:
    assert "left out" not in " ".join(reports["added"].first_lines)
    assert "7 more" not in reports["added"].methods
    assert "best dynamic with 4 more" in reports["added"].methods


def test_one_seed_of_the_others_leaves_the_question_its_verdict(tmp_path, write_study) -> None:
    folder = without_others(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), 1)
    report = build_report([str(folder)])
    own = rows(report, "comparisons", *MAIN)
    assert {row["family_size"] for key, row in own.items() if key[2].endswith("mAP")} == {1, 2}
    assert all(row["difference_low"] is not None for key, row in own.items() if key[2].endswith("mAP"))
    others = [r for key, r in rows(report, "comparisons").items() if key[:2] != MAIN]
    assert others
    assert all(row["difference_low"] is None for row in others)


def test_a_study_with_three_arms_compares_the_third_on_its_own_seeds(tmp_path, write_study) -> None:
    three = tuple(arm for arm in ARMS if arm.name in (*MAIN, "X-Y"))
    folder = write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=three)
    for seed in SEEDS[SHARED:]:
        shutil.rmtree(run_of(folder, "X-Y", seed))
    report = build_report([str(asked(folder, SHARED))])
    assert {r["arm"]: r["seeds"] for r in report.table("results").records()} == dict.fromkeys(
        [arm.name for arm in three], SHARED
    )
    assert any("X-Y" in key[:2] for key in rows(report, "comparisons"))


def test_a_decision_holds_its_seeds_beside_arms_that_have_fewer(tmp_path, write_study) -> None:
    folder = without_others(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), SHARED)
    study = open_study(str(folder))
    decision = decide(study, [3, 4, 5, 6, 7], 9)
    study.write_decision(decision)
    report = build_report([str(folder)])
    (row,) = (r for key, r in rows(report, "comparisons", *MAIN).items() if key[2] == "multilingual/mAP")
    assert (row["difference"], row["p_remark"]) == (decision.difference, "sequential")
    assert "all others rest on seeds whose number was fixed" in report.methods
    assert "7 seeds x 20 questions" in report.answer
    (note,) = (note for note in report.table("comparisons").notes if note.startswith("Sequential"))
    assert "all others rest on seeds whose number was fixed" in note
    assert "the other comparisons do not allow" not in note


@pytest.fixture
def added(studies, tmp_path) -> Path:
    """The study with added seeds, to be changed."""
    return Path(shutil.copytree(studies["added"], tmp_path / "added"))


@pytest.mark.parametrize("begun", [True, False])
def test_what_another_arm_lost_does_not_change_the_question(added, reports, begun) -> None:
    lost = run_of(added, "X-Y", SHARED - 1)
    if begun:
        (lost / RESULT).unlink()
    else:
        shutil.rmtree(lost)
    report = build_report([str(added)])
    assert question_rows(report) == question_rows(reports["added"])
    fewer = SHARED - 1
    assert seeds_of(report) == {
        arm.name: (fewer, f"and {len(SEEDS) - fewer} for the question" * (arm.name in MAIN)) for arm in ARMS
    }
    (line,) = (line for line in report.first_lines if "left out" in line)
    assert line.startswith("All numbers but those of the question's own comparison rest on")
    assert line.endswith("3 finished runs of X-X-mono, hybrid 0.5 and best dynamic reversed left out.")
    assert "best static has 7 and best dynamic has 7." in notes_of(report)


def test_a_plain_study_that_was_interrupted_has_no_added_seeds(tmp_path, write_study, reports) -> None:
    folder = interrupted(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), SHARED)
    report = build_report([str(folder)])
    assert question_rows(report) == question_rows(reports["few"])
    assert seeds_of(report) == {arm.name: (SHARED, None) for arm in ARMS}
    assert "rests on more" not in notes_of(report)
    assert "more, on which" not in report.methods
    (line,) = (line for line in report.first_lines if "left out" in line)
    assert line.startswith("All numbers rest on the seeds that all compared arms have finished (3): 8 finished runs of")


def test_only_seeds_of_both_arms_are_counted(added, reports) -> None:
    shutil.rmtree(run_of(added, MAIN[0], 5))
    report = build_report([str(added)])
    assert {row["seeds"] for row in question_rows(report).values()} == {6}
    assert {seeds_of(report)[name] for name in MAIN} == {(SHARED, "and 3 for the question")}
    assert "best static has 6 and best dynamic has 6." in notes_of(report)
    assert "best static with 3 more and best dynamic with 3 more" in report.methods
    (line,) = (line for line in report.first_lines if "left out" in line)
    assert "1 finished run of best static left out" in line


def test_a_seed_that_an_arm_of_the_question_lost_is_not_the_end_of_the_answer(tmp_path, write_study) -> None:
    folder = without_others(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), 1)
    shutil.rmtree(run_of(folder, MAIN[0], 0))
    report = build_report([str(folder)])
    assert {row["seeds"] for row in question_rows(report).values()} == {len(SEEDS) - 1}
    assert "6 seeds x 20 questions" in report.answer
    assert "best static has 6 and best dynamic has 6." in notes_of(report)
    (line,) = (line for line in report.first_lines if line.startswith("best dynamic has 6 finished seeds"))
    assert line.endswith("it is shown, but compared for the question alone.")
    # With the others it shares no seed.
    others = {key[:2] for key in rows(report, "comparisons") if key[:2] != MAIN}
    assert others
    assert not any(MAIN[0] in pair for pair in others)


def test_studies_put_together_have_added_seeds_only_where_no_other_arm_has_them(tmp_path, write_study) -> None:
    one, two = (
        write_study(tmp_path, name=name, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS) for name in ("a", "b")
    )
    alone = build_report([str(two)])
    without_others(one, SHARED)
    for order in ((one, two), (two, one)):
        report = build_report(list(map(str, order)))
        assert seeds_of(report) == {arm.name: (len(SEEDS), None) for arm in ARMS}
        assert rows(report, "comparisons") == rows(alone, "comparisons")
        assert not [line for line in report.first_lines if "left out" in line]


def test_the_spread_of_the_question_is_that_of_all_its_seeds(reports) -> None:
    found = {(row["of"], row["setting"]): row for row in reports["added"].table("spread").records()}
    findings = reports["whole"].findings
    for judged in findings.comparisons.main:
        row = found[judged.label, judged.place.setting]
        one, other = (findings.questions.table(arm, judged.place).values for arm in (judged.first, judged.second))
        seeds, questions = one.shape
        squares = [questions * arm.mean(axis=1).var(ddof=1) for arm in (one, other)]
        rests = [arm - arm.mean(axis=1, keepdims=True) - arm.mean(axis=0) + arm.mean() for arm in (one, other)]
        rest = sum(float((left**2).sum()) for left in rests) / ((seeds - 1) * (questions - 1))
        of_questions = (one - other).mean(axis=0).var(ddof=1) / questions
        variance = max(sum(squares) - rest, 0.0) / (seeds * questions) + of_questions
        assert row["seeds"] == len(SEEDS)
        assert row["standard_error"] == pytest.approx(np.sqrt(variance))
    assert {row["seeds"] for (name, _), row in found.items() if "\N{MINUS SIGN}" not in name} == {SHARED}


def test_the_spread_of_the_question_is_there_beside_single_runs(tmp_path, write_study) -> None:
    folder = without_others(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), 1)
    found = list(build_report([str(folder)]).table("spread").records())
    assert [row["seeds"] for row in found] == [len(SEEDS)] * 3


def test_the_questions_own_differences_are_means_over_all_its_seeds(reports) -> None:
    drawn, whole, few = (reports[name].figure("questions_atlas") for name in ("added", "whole", "few"))
    assert drawn.description == whole.description
    assert drawn.description != few.description


def test_the_page_says_how_many_seeds_arms_have_for_the_question(reports) -> None:
    assert ("Seeds per arm", "3\N{EN DASH}7") in page_facts(reports["added"])
    assert ("Seeds per arm", "3") in page_facts(reports["few"])


def test_what_single_runs_do_not_tell_apart_has_a_dagger(tmp_path, write_study) -> None:
    folder = without_others(write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=ARMS), 1)
    report = build_report([str(folder)])
    table = report.table("results")
    found = list(table.records())
    marks = {key for row in found for key in row if key.endswith("_mark")}
    assert len(marks) == 4
    judge = report.findings.judge
    for mark in marks:
        (best,) = (row["arm"] for row in found if row[mark] == "best")
        for row in (row for row in found if row["arm"] != best):
            arms = (report.findings.facts.find(name) for name in (best, row["arm"]))
            places = (p for b in report.findings.facts.benchmarks for p in b.places)
            (place,) = (p for p in places if slug(p.metric) == mark.removesuffix("_mark"))
            verdict = judge.find(*arms, place).verdict
            assert (row[mark] == "tied") == (verdict != "better"), (mark, row["arm"])
    assert "or with single runs, which tell nothing apart; the marks" in notes_of(report)


def test_single_runs_alone_have_no_daggers(tmp_path, write_study) -> None:
    report = build_report([str(write_study(tmp_path, seeds=(0,), questions=20, search_trials=1, arms=ARMS))])
    assert not any(value == "tied" for row in report.table("results").records() for value in row.values())
    assert "\N{DAGGER}" not in notes_of(report)


def test_the_change_between_levels_rests_on_the_seeds_of_the_differences(tmp_path, write_study) -> None:
    few = tuple(arm for arm in ARMS if arm.name in (*MAIN, "X-Y"))
    folder = write_study(tmp_path, seeds=SEEDS, questions=20, search_trials=1, arms=few, models=("xs", "s"))
    intact = build_report([str(folder)]).findings.interactions
    for model in ("xs", "s"):
        for seed in SEEDS[SHARED:]:
            shutil.rmtree(folder / "trials" / f"confirm-{model}-X-Y-{seed}")
    found = build_report([str(asked(folder, SHARED))]).findings.interactions
    assert len(found) == len(intact) == 3
    for one, other in zip(found, intact, strict=True):
        assert one.comparison == other.comparison
        assert one.comparison.n_seeds == len(SEEDS)


def test_a_decision_does_not_stand_for_seeds_of_another_study(added, tmp_path, write_study) -> None:
    study = open_study(str(added))
    study.write_decision(decide(study, [3, 4, 5, 6, 7], 9))
    more = write_study(tmp_path, name="more", seeds=(7,), questions=20, search_trials=1, arms=ARMS)
    for arm in ARMS:
        if arm.name not in MAIN:
            shutil.rmtree(run_of(more, arm.name, 7))
    report = build_report([str(added), str(more)])
    for row in question_rows(report).values():
        assert (row["seeds"], row.get("p_remark")) == (len(SEEDS) + 1, None)
    assert any("does not allow for that" in line for line in report.first_lines)


def test_an_untrained_arm_keeps_its_one_run_whatever_its_seed(tmp_path: Path, write_study) -> None:
    """Only the question's arms have that seed beside it: X-Y lost it."""
    untrained = ArmTruth("untrained", "fixed", "constant", {"family": "constant", "value": 0.5}, 0.5, -2, -2)
    arms = (*(arm for arm in ARMS if arm.name in (*MAIN, "X-Y")), untrained)
    folder = write_study(tmp_path, arms=arms, seeds=SEEDS, questions=20, search_trials=1)
    edit_arms(folder, lambda all_: [arm | {"is_untrained": arm["arm"] == "untrained"} for arm in all_])
    for seed in SEEDS:
        if seed:
            shutil.rmtree(run_of(folder, "untrained", seed))
        if seed not in (1, 2):
            shutil.rmtree(run_of(folder, "X-Y", seed))
    assert seeds_of(build_report([str(asked(folder, 3))]))["untrained"][0] == 1
