"""Seeds and pairs until a verdict: which earlier studies are believed, and what is said of the others."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from search_spaces.registry import space
from study.plan.plan_for import answer, asked_difference, check_can_be_planned, evidence_in, pilot_settings
from study.plan.program import StudyPlan
from study.records import FactorRecord, ObjectiveRecord
from study.run import main
from study.settings import StudySettings
from study.study_folder import Study, open_study, write_study
from tests.study.conftest import run
from tests.study.planted import SETTINGS, SPACE, Planted, study_in_folder
from trainables.errors import UserError
from trainables.records import PER_QUERY, RESULT
from trainables.sealed import write_sealed

STEPS, BATCH = 40, 8
REPORT = "the report judges the arms as named here."


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage of two studies of one truth, in worlds whose searches choose other arms."""
    storage = tmp_path_factory.mktemp("planted")
    for number, world in enumerate((0, 7)):
        study_in_folder(Planted("falling is better", world), storage / f"world-{number}")
    return storage


@pytest.fixture
def storage(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "storage"))


def change(study: Study, **changes: Any) -> None:
    write_study(study.folder, study.info.model_copy(update=changes))


def told(storage: Path) -> tuple[list[str], list[str]]:
    """The names of the studies that are used, and why others are not."""
    asked = study_of(storage, 0).info
    used, left_out = evidence_in(str(storage), asked, STEPS, BATCH)
    return sorted(one.study.folder.name for one in used), left_out


def study_of(storage: Path, world: int) -> Study:
    return open_study(str(storage / f"world-{world}"))


def test_the_first_sentence_answers_and_counts_its_own_pairs(storage: Path) -> None:
    used, left_out = evidence_in(str(storage), study_of(storage, 0).info, STEPS, BATCH)
    assert left_out == []
    first, *rest = answer(0.01, used, left_out)
    seeds = int(first.split()[0])
    assert seeds >= 3
    assert "a difference of 0.01 in mAP of planted, overall between best dynamic and best static with power .8" in first
    assert not any("objective" in line for line in rest)
    assert f"{2 * seeds} trainings x 40 steps x 8 pairs = {2 * seeds * STEPS * BATCH:,} pairs" in first
    assert any(
        "world-0 (5 seeds of " in line and "world-1 (5 seeds of " in line and "(8 for each arm)" in line
        for line in rest
    )
    assert int(answer(0.02, used, [])[0].split()[0]) < seeds
    assert answer(0.01, used, [], gpu_hours=0.5)[0].endswith(f" pairs, {seeds:,.2g} GPU hours.")


@pytest.mark.parametrize(
    ("objective", "named", "place"),
    [
        ("overall/map", "", "mAP of planted, overall"),
        ("multilingual/recall@10", "multilingual recall@10", "mAP of planted, multilingual"),
        ("bias/rank_distance:minimize", "rank distance", "mAP of planted, multilingual"),
    ],
)
def test_the_answer_names_what_is_planned_and_not_the_objective(
    storage: Path, objective: str, named: str, place: str
) -> None:
    """The report judges the arms by the main measure of the benchmark, whatever chose them."""
    metric, _, direction = objective.partition(":")
    asked = ObjectiveRecord(metric=metric, direction="minimize" if direction else "maximize")
    for world in (0, 1):
        change(study_of(storage, world), objectives=(asked,))
    used, left_out = evidence_in(str(storage), study_of(storage, 0).info, STEPS, BATCH)
    first, *rest = answer(0.01, used, left_out)
    assert f"a difference of 0.01 in {place} between" in first
    assert any(line.startswith(f"Found with power .8 in {place} by ") for line in rest)
    said = [line for line in rest if line.startswith("The objective, ")]
    assert said == ([f"The objective, {named}, only chooses in the search: {REPORT}"] if named else [])


def test_studies_that_are_judged_by_other_measures_are_not_pooled(storage: Path) -> None:
    study = study_of(storage, 1)
    for trial in study.trials:
        if trial.phase == "confirm" and trial.result is not None:
            metrics = trial.result.metrics
            metrics = {**metrics, "planted/multilingual/recall@10": metrics["planted/multilingual/map"]}
            write_sealed(trial.folder, RESULT, trial.result.model_copy(update={"metrics": metrics}))
    data = study.info.data
    changed = {name: one.model_copy(update={"main_measure": "recall@10"}) for name, one in data.benchmarks.items()}
    change(study, data=data.model_copy(update={"benchmarks": changed}))
    used, (line,) = told(storage)
    assert used == ["world-0"]
    assert line == "world-1: it is judged by recall@10 of planted, multilingual, not as the others"


def test_two_studies_know_more_than_one(storage: Path) -> None:
    used, _ = evidence_in(str(storage), study_of(storage, 0).info, STEPS, BATCH)
    assert [one.seeds for one in used] == [5, 5]
    assert used[0].trainings.isdisjoint(used[1].trainings)


def test_the_same_trainings_count_once(storage: Path) -> None:
    shutil.copytree(storage / "world-0", storage / "again")
    used, (line,) = told(storage)
    assert len(used) == 2
    assert "it repeats trainings of" in line


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"space": "closed_loop"}, "it differs in space"),
        ({"main_comparison": ("linear", "best static")}, "it differs in main comparison"),
        ({"encoders": ()}, "it differs in encoder"),
        ({"objectives": (ObjectiveRecord(metric="overall/mrr", direction="maximize"),)}, "it differs in objective"),
        ({"settings": SETTINGS.model_copy(update={"set": {"loss.temperature": 0.1}})}, "it differs in options"),
        ({"factors": (FactorRecord(name="f", levels=()),)}, "it differs in factors"),
        ({"settings": SETTINGS.model_copy(update={"repeat_search": 2})}, "it differs in repeated searches"),
    ],
)
def test_a_study_of_something_else_is_named_and_not_believed(
    storage: Path, changes: dict[str, Any], named: str
) -> None:
    change(study_of(storage, 1), **changes)
    assert told(storage) == (["world-0"], [f"world-1: {named}"])


def test_other_data_are_named(storage: Path) -> None:
    data = study_of(storage, 1).info.data
    training = data.training.model_copy(update={"fingerprint": "other"})
    benchmarks = {name: one.model_copy(update={"fingerprint": "other"}) for name, one in data.benchmarks.items()}
    change(study_of(storage, 1), data=data.model_copy(update={"training": training, "benchmarks": benchmarks}))
    assert told(storage)[1] == ["world-1: it differs in training data, benchmarks"]


def test_shorter_trainings_are_named(storage: Path) -> None:
    used, left_out = evidence_in(str(storage), study_of(storage, 0).info, 80, BATCH)
    assert used == []
    assert left_out[0] == "world-0: it trains 40 steps x 8 pairs, not 80 x 8"


def test_a_damaged_table_is_never_believed(storage: Path) -> None:
    study = study_of(storage, 1)
    arm = study.arm("best dynamic", {})
    assert arm is not None
    table = Path(study.confirm_trials(arm)[0].folder.location) / PER_QUERY
    table.write_bytes(table.read_bytes()[:-8] + b"\0" * 8)
    used, (line,) = told(storage)
    assert used == ["world-0"]
    assert line.startswith("world-1: it is not whole (")
    assert PER_QUERY in line


def test_a_damaged_study_and_foreign_folders_are_no_evidence(storage: Path) -> None:
    (storage / "notes").mkdir()
    (storage / "notes" / "study.txt").write_text("mine")
    (storage / "other").mkdir()
    (storage / "other" / "study.json").write_text(json.dumps({"format": 99}))
    (storage / "world-1" / "study.json").write_text("{")
    used, left_out = told(storage)
    assert used == ["world-0"]
    assert [line.split(":")[0] for line in left_out] == ["other", "world-1"]


def test_a_study_without_runs_of_an_arm_is_no_evidence(storage: Path) -> None:
    study = study_of(storage, 1)
    arm = study.arm("best static", {})
    assert arm is not None
    for trial in study.confirm_trials(arm):
        shutil.rmtree(trial.folder.location)
    used, (line,) = told(storage)
    assert used == ["world-0"]
    assert line.startswith("world-1: it ")


def test_a_storage_that_is_not_there_holds_no_evidence(storage: Path, tmp_path: Path) -> None:
    assert evidence_in(str(tmp_path / "nowhere"), study_of(storage, 0).info, STEPS, BATCH) == ([], [])


@pytest.mark.parametrize("text", ["", "abc", "0", "-0.01", "1.5", "nan", "inf", "1e999"])
def test_what_is_no_difference_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="above 0 and at most 1"):
        asked_difference(text)


@pytest.mark.parametrize("flag", ["--resume", "--confirm-only", "--verify"])
def test_a_plan_is_of_a_new_study(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plan-for", "0.01", flag, "study"]) == 2
    assert f"{flag} cannot be given with --plan-for" in capsys.readouterr().err


def test_a_comparison_that_no_seeds_decide_is_refused(storage: Path) -> None:
    info = study_of(storage, 0).info
    check_can_be_planned(info)
    for changes, said in (
        ({"main_comparison": None}, "lacks an arm"),
        ({"factors": (FactorRecord(name="f", levels=()),)}, "factor f"),
        ({"settings": SETTINGS.model_copy(update={"repeat_search": 2})}, "--repeat-search"),
    ):
        with pytest.raises(UserError, match=said):
            check_can_be_planned(info.model_copy(update=changes))


def test_where_both_arms_are_one_training_another_arm_stands_for_the_first(storage: Path) -> None:
    study = study_of(storage, 1)
    asked = {"main_comparison": ("best static", "hybrid 0.5")}
    for world in (0, 1):
        change(study_of(storage, world), **asked)
    used, left_out = evidence_in(str(storage), study_of(storage, 0).info, STEPS, BATCH)
    of = {one.study.folder.name: [arm.arm for arm in one.arms] for one in used}
    # In the first world hybrid 0.5 is the best constant.
    assert of["world-0"][1] == "hybrid 0.5"
    assert of["world-0"][0] not in ("best static", "hybrid 0.5")
    assert (study.folder.name in of) or any(line.startswith("world-1: it repeats") for line in left_out)


def test_a_pilot_of_constants_has_one_that_can_stand_for_the_best() -> None:
    plan = StudyPlan(
        space("static_ratio"), pilot_settings(StudySettings(space="static_ratio"), space("static_ratio"), "p")
    )
    assert {branch.branch for branch in plan.branches} == {"static", "hybrid 0.5", "X-X-mono"}


@pytest.mark.nightly
def test_a_real_pilot_answers_and_is_not_run_twice(tmp_path: Path) -> None:
    tiny = ("--steps", "12", "--batch-size", "16", "--learning-rate", "0.001", "--storage", str(tmp_path))
    for _ in range(2):
        done = run("--space", "static_ratio", "--plan-for", "0.05", *tiny)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "trainings x 12 steps x 16 pairs = " in done.stdout
    assert [folder.name[:18] for folder in tmp_path.iterdir()] == ["pilot-static_ratio"]


@pytest.mark.slow
def test_a_dry_run_says_what_a_pilot_would_cost_and_starts_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--plan-for", "0.01", "--dry-run", "--storage", str(tmp_path / "studies")]) == 0
    told = capsys.readouterr().out
    assert "tells the variances: a pilot would be run" in told
    assert "confirm" in told
    assert not (tmp_path / "studies").exists()


def test_a_pilot_has_the_two_arms_of_the_main_comparison_alone() -> None:
    plan = StudyPlan(SPACE, pilot_settings(SETTINGS, SPACE, "pilot"))
    assert [(branch.branch, branch.role, branch.trials) for branch in plan.branches] == [
        ("static", "static", 2),
        ("linear", "dynamic", 2),
    ]
    assert plan.planned == {"search": 4, "confirm": 10}
    assert plan.main_comparison == SPACE.main_comparison


def test_the_records_of_a_pilot_tell_the_variances(tmp_path: Path) -> None:
    settings = pilot_settings(SETTINGS, SPACE, "pilot")
    study = study_in_folder(Planted("falling is better", 3), tmp_path / "pilot", settings=settings)
    used, left_out = evidence_in(str(tmp_path), study.info, STEPS, BATCH)
    assert left_out == []
    assert answer(0.01, used, [])[0].split()[1:3] == ["confirm", "seeds"]
