"""No look at the results is forgotten, and no error rate is spent twice."""

import json
import shutil
from pathlib import Path

import pytest

from study.plan.more_seeds import last_decision, looks_so_far
from study.records import DecisionRecord, Study, create_study, open_study
from study.run import main
from tests.study.conftest import results, run
from tests.study.toy_study import study_record
from trainables.errors import UserError
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


def test_nothing_is_looked_at_after_the_verdict(tmp_path: Path) -> None:
    assert looks_so_far(looked(tmp_path, (5, 6), stop=True), 12) == [5, 6]


def test_a_damaged_decision_is_no_licence_to_look_again(tmp_path: Path) -> None:
    study = looked(tmp_path, (5, 6))
    file = tmp_path / "s" / "stopping.json"
    file.write_text(file.read_text().replace("20", "21"))
    with pytest.raises(UserError, match=r"stopping.json is damaged: .* restore it from a copy"):
        looks_so_far(study, 5)


@pytest.mark.slow
@pytest.mark.timeout(400)
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
    done = run("--resume", str(study), "--trial-budget", "1000", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    after = results(study)
    assert {name: after[name] for name in before} == before
    decision = json.loads((study / "stopping.json").read_text())
    assert decision["stop"]
    assert decision["asked"] == list(range(3, decision["asked"][-1] + 1))
    own = [trial.seed for trial in open_study(str(study)).trials if trial.record.arm == "X-Y"]
    assert sorted(own) == list(range(decision["asked"][-1]))
    # Two seeds had been reported before the rule began, and the study says so.
    assert open_study(str(study)).info.seen_at == (2,)
    assert main(["--confirm-only", str(study), "--until-separable", "9"]) == 2
    assert "planned its error rate for at most 4 seeds" in capsys.readouterr().err
    assert main(["--confirm-only", str(study), "--seeds", "1"]) == 2
    assert f"the study has {len(own)} seeds already" in capsys.readouterr().err
