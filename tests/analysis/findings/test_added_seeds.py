"""Seeds that the arms of the question alone were given decide about the question, and about nothing else."""

import shutil
from pathlib import Path

import pytest

from analysis.contents import Report, build_report
from analysis.statistics.panel import Panel
from analysis.statistics.significance import judge
from study.plan.more_seeds import decide
from study.study_folder import open_study
from tests.analysis.conftest import ARMS

SEEDS, SHARED = tuple(range(7)), 3
MAIN = ("best dynamic", "best static")


def without_others(folder: Path, kept: int) -> Path:
    """Takes from every arm but those of the question its seeds from some seed on."""
    for arm in ARMS:
        for seed in SEEDS[kept:] if arm.name not in MAIN else ():
            shutil.rmtree(folder / "trials" / f"confirm-{arm.name.replace(' ', '-')}-{seed}")
    return folder


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
        shutil.rmtree(folder / "trials" / f"confirm-X-Y-{seed}")
    report = build_report([str(folder)])
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
