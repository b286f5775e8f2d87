"""No look at the results is forgotten, and no error rate is spent twice."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from study.plan.more_seeds import decide, last_decision, looks_so_far, seeds_begun, trials_of_all
from study.records import ARMS as ARMS_FILE
from study.records import DecisionRecord
from study.run import main
from study.study_folder import Study, create_study, open_study
from tests.analysis.conftest import ARMS, StudyPlan, edit, write_study_files
from tests.study.conftest import results, run
from tests.study.planted import SETTINGS, Planted, study_in_folder
from tests.study.toy_study import study_record
from trainables.errors import UserError
from trainables.records import RESULT
from trainables.storage import Folder


def looked(folder: Path, asked: tuple[int, ...] = (), stop: bool = False) -> Study:
    """A study that has looked at its results at so many seeds."""
    study = create_study(Folder(folder / "s"), study_record())
    if asked:
        what = {
            "arm": "a",
            "baseline": "b",
            "benchmark": "x",
            "setting": "multilingual",
            "metric": "map",
            "margin": 0.01,
        }
        study.write_decision(
            DecisionRecord(stop=stop, verdict="better", sentence="", looks=asked, asked=asked, max_seeds=20, **what)
        )
    return study


def test_the_first_look_is_at_the_seeds_that_were_asked_for_but_not_before_the_third(tmp_path: Path) -> None:
    study = looked(tmp_path)
    assert looks_so_far(study, 5) == [5]
    assert looks_so_far(study, 1) == [3]
    assert last_decision(study) is None


def test_later_looks_go_on_from_the_recorded_ones(tmp_path: Path) -> None:
    study = looked(tmp_path, (5, 6, 7))
    assert looks_so_far(study, 5) == looks_so_far(study, 7) == [5, 6, 7]
    assert looks_so_far(study, 12) == [5, 6, 7, 12]


def test_the_seed_after_a_look_may_have_begun_unless_the_look_was_the_last(tmp_path: Path) -> None:
    assert seeds_begun(looked(tmp_path / "new"), 2) == 3
    goes_on = looked(tmp_path / "goes on", (5, 6))
    assert (seeds_begun(goes_on, 5), seeds_begun(goes_on, 9)) == (7, 9)
    assert seeds_begun(looked(tmp_path / "ended", (5, 6), stop=True), 9) == 6


def test_nothing_is_looked_at_after_the_verdict(tmp_path: Path) -> None:
    assert looks_so_far(looked(tmp_path, (5, 6), stop=True), 12) == [5, 6]


def test_a_damaged_decision_is_no_licence_to_look_again(tmp_path: Path) -> None:
    study = looked(tmp_path, (5, 6))
    file = tmp_path / "s" / "stopping.json"
    file.write_text(file.read_text().replace("20", "21"))
    with pytest.raises(UserError, match=r"stopping.json is damaged: .* restore it from a copy"):
        looks_so_far(study, 5)


PAIR = tuple(arm for arm in ARMS if arm.name in ("best static", "best dynamic"))


@pytest.fixture
def confirmed(tmp_path: Path) -> Path:
    """A finished study of the main pair with five seeds."""
    plan = StudyPlan(arms=PAIR, seeds=(0, 1, 2, 3, 4), questions=12, search_trials=1)
    return write_study_files(tmp_path, plan)


def end_otherwise(folder: Path, seed: int, status: str) -> None:
    edit(folder / "trials" / f"confirm-best-static-{seed}" / RESULT, lambda result: {**result, "status": status})


def test_a_decision_about_two_trainings_fills_every_field_of_its_record(confirmed: Path) -> None:
    found = decide(open_study(str(confirmed)), [3, 4, 5], 9)
    assert [name for name, value in found.model_dump().items() if value is None] == []
    assert found.model_fields_set == set(DecisionRecord.model_fields)


def test_a_seed_that_failed_is_left_out_of_the_looks_and_does_not_stop_the_study(confirmed: Path) -> None:
    end_otherwise(confirmed, 3, "diverged")
    found = decide(open_study(str(confirmed)), [3, 4, 5], 9)
    assert (found.looks, found.n_seeds) == ((3, 4), 4)
    # The fifth of at most five seeds is the last, although only four can be judged.
    last = decide(open_study(str(confirmed)), [3, 4, 5], 5)
    assert last.stop
    assert "another seed" not in last.sentence
    for seed in (1, 2, 4):
        end_otherwise(confirmed, seed, "failed")
    with pytest.raises(UserError, match="has 1 seeds that both best dynamic and best static finished"):
        decide(open_study(str(confirmed)), [3, 4, 5], 9)
    end_otherwise(confirmed, 0, "failed")
    with pytest.raises(UserError, match="has no results for its main comparison yet"):
        decide(open_study(str(confirmed)), [3, 4, 5], 9)


def test_without_values_per_question_there_is_no_decision(confirmed: Path) -> None:
    for path in confirmed.glob("trials/confirm-best-static-*/per_query.parquet"):
        path.unlink()
    with pytest.raises(UserError, match="holds no values per question for best static"):
        decide(open_study(str(confirmed)), [3, 4, 5], 9)


def test_two_names_for_one_training_are_equivalent_at_the_first_look(confirmed: Path) -> None:
    def with_one_training(record: dict[str, Any]) -> dict[str, Any]:
        same = {"best dynamic": {"same_as": "best static"}}
        return {"arms": [arm | same.get(arm["arm"], {}) for arm in record["arms"]]}

    edit(confirmed / ARMS_FILE, with_one_training)
    found = decide(open_study(str(confirmed)), [3], 9)
    assert (found.stop, found.verdict, found.looks) == (True, "equivalent", (3,))
    assert found.interval is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_seeds_are_added_one_by_one_and_every_look_is_recorded(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "more"
    shutil.copytree(undisturbed, study)
    before = results(study)
    # Ends in the middle of the added seeds, and goes on without being told the rule again.
    seeds = ("--confirm-only", str(study), "--until-separable", "4", "--quiet")
    assert run(*seeds, "--trial-budget", str(len(before) + 1)).returncode == 0
    assert not (study / "stopping.json").exists()
    assert json.loads((study / "status.json").read_text())["state"] == "budget"
    assert len(results(study)) == len(before) + 1
    done = run("--resume", str(study), "--trial-budget", "1000", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    after = results(study)
    assert {name: after[name] for name in before} == before
    decision = json.loads((study / "stopping.json").read_text())
    assert decision["stop"]
    assert decision["asked"] == list(range(3, decision["asked"][-1] + 1))
    own = sorted(trial.seed for trial in open_study(str(study)).trials if trial.record.arm == "X-Y")
    assert own == list(range(decision["asked"][-1]))
    # Nothing in the settings tells of the seed of the last look.
    added = next(one.id for one in open_study(str(study)).trials if one.record.arm == "X-Y" and one.seed == own[-1])
    assert main(["--verify", str(study), "--trial", added]) == 0
    assert f"{added} came to the same numbers, to the bit." in capsys.readouterr().out
    # Two seeds had been reported before the rule began, and the study says so.
    assert open_study(str(study)).info.seen_at == (2,)
    assert main(["--confirm-only", str(study), "--until-separable", "9"]) == 2
    assert "planned its error rate for at most 4 seeds" in capsys.readouterr().err
    assert main(["--confirm-only", str(study), "--seeds", "1"]) == 2
    assert f"the study has {len(own)} seeds already" in capsys.readouterr().err
    assert main(["--confirm-only", str(study), "--other-seeds", "1"]) == 2
    assert "the arms that the main comparison does not need have 3 seeds already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_that_is_asked_for_the_seeds_that_it_has_has_not_been_looked_at(
    undisturbed: Path, tmp_path: Path
) -> None:
    study = tmp_path / "same"
    shutil.copytree(undisturbed, study)
    assert run("--confirm-only", str(study), "--other-seeds", "2", "--quiet").returncode == 0
    assert open_study(str(study)).info.settings.other_seeds == 2
    assert open_study(str(study)).info.seen_at == ()


def test_what_can_be_confirmed_of_an_unfinished_search_is_what_all_branches_of_all_searches_have(
    tmp_path: Path,
) -> None:
    # The searched constant has as many trials as both families: 6, or 4 where these have 2 each.
    settings = SETTINGS.model_copy(
        update={"arms": ("static", "linear", "step"), "trials": 3, "sampler": "random", "repeat_search": 2, "seeds": 1}
    )
    folder = tmp_path / "s"
    study = study_in_folder(Planted("no difference", world=0), folder, settings=settings)
    assert trials_of_all(study) == 3
    assert len(list(folder.glob("trials/search-r1-static-*"))) == 6
    shutil.rmtree(folder / "trials" / "search-r1-static-005")
    assert trials_of_all(open_study(str(folder))) == 2
    for number in (1, 2):
        shutil.rmtree(folder / "trials" / f"search-linear-00{number}")
    assert trials_of_all(open_study(str(folder))) == 1
    for number in range(3):
        shutil.rmtree(folder / "trials" / f"search-r1-step-00{number}")
    with pytest.raises(UserError, match="too few search trials of step yet"):
        trials_of_all(open_study(str(folder)))
