from pathlib import Path

import pytest

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
