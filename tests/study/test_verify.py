import os
from pathlib import Path

import pytest

from analysis import report
from study import bundle
from study.run import main
from study.study_folder import create_study, open_study, write_qrels
from study.verify import damage
from tests.analysis.conftest import StudyPlan, write_study_files
from tests.study.toy_study import study_record
from trainables.storage import Folder

FILE = "qrels/mine:en.qrels.gz"


def test_judgements_of_kept_runs_are_written_once_for_a_study_and_sealed(tmp_path: Path) -> None:
    folder = Folder(tmp_path) / "s"
    files = write_qrels(folder, {"mine:en": b"en|en|1 0 d 1"})
    create_study(folder, study_record(files=files))
    kept = tmp_path / "s" / FILE
    said = (
        f"{folder.location}/qrels/mine:en.qrels.gz is damaged or missing (it is not what it was when the study began)"
    )
    assert said not in damage(open_study(folder.location))
    kept.write_bytes(b"en|en|1 0 d 2")
    assert said in damage(open_study(folder.location))
    kept.unlink()
    assert said in damage(open_study(folder.location))


def test_the_folder_of_a_whole_study_is_said_as_it_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    study = made.rename(tmp_path / "mine[v2]:fire:")
    assert main(["--verify", str(study)]) == 0
    assert f"{study} is whole: " in capsys.readouterr().out


STEERING = "a\x1b[2J\x1b[31mOWNED\x1b]0;title\x07\u202eabc\n is whole"
MARKUP = "<img src=x onerror=alert(1)>[a](javascript:alert(2))"
REPORTS = ("report.md", "report.html")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))


def with_a_trial_called(study: Path, name: str) -> None:
    (study / "trials" / name).mkdir()
    (study / "trials" / name / "trial.json").write_text("{}")


def test_names_in_the_folder_of_a_study_steer_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_a_trial_called(study, STEERING)
    (study / "measurements").mkdir(exist_ok=True)
    (study / "measurements" / "\x1b[32mM.json").write_text("{}")
    assert main(["--verify", str(study)]) == 1
    assert report.main([str(study)]) == 0
    shown = [*capsys.readouterr(), *((study / "report" / name).read_text("utf-8") for name in REPORTS)]
    assert not any(sign in text for text in shown for sign in "\x1b\x07\u202e")
    said = rf"trials/{STEERING.encode('unicode_escape').decode()}".replace(r"\n", " ")
    assert said in shown[0]
    assert r"measurements/\x1b[32mM.json is damaged" in shown[0]
    assert not any(line.startswith(" is whole") for line in shown[0].splitlines())


def test_names_in_the_folder_of_a_study_are_text_in_its_report(study: Path) -> None:
    with_a_trial_called(study, MARKUP)
    assert report.main([str(study), "--format", "markdown,html"]) == 0
    texts = [(study / "report" / name).read_text("utf-8") for name in REPORTS]
    assert r"\<img src=x onerror=alert(1)\>\[a\](javascript:alert(2))" in texts[0]
    assert "&lt;img src=x onerror=alert(1)&gt;" in texts[1]


@pytest.mark.parametrize("place", ["trials", "report"])
def test_a_name_that_is_not_utf_8_is_named(study: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    (study / place).mkdir(exist_ok=True)
    (study / place / os.fsdecode(b"\xff\xfe")).write_text("")
    commands = [bundle.main([str(study), str(study.parent / "out.tar")])]
    if place == "trials":
        commands += [main(["--verify", str(study)]), report.main([str(study)])]
    said = capsys.readouterr().err.splitlines()
    assert commands == [2] * len(commands)
    assert all(rf"{study / place} holds \xff\xfe, whose name is not UTF-8" in line for line in said)
    assert len(said) == len(commands)
    assert not (study.parent / "out.tar").exists()
