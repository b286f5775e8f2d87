from pathlib import Path

from study.study_folder import create_study, open_study, write_qrels
from study.verify import damage
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
