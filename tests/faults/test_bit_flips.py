"""One bit of a finished study is changed: it is found, and resuming puts everything right again."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.report import main as report
from study.run import main
from study.study_folder import open_study
from study.verify import damage
from tests.analysis.conftest import edit
from tests.study.conftest import results, run, tiny_study
from trainables.errors import UserError
from trainables.records import RESULT
from trainables.sealed import write_sealed
from trainables.storage import Folder
from trainables.trial import failure
from trainables.trial_log import is_log


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of its own, in which bits are flipped and put back."""
    return Path(shutil.copytree(tiny_study(tmp_path_factory), tmp_path_factory.mktemp("studies") / "whole"))


def sealed_files(study: Path) -> Iterator[tuple[str, Path]]:
    """Every file that a report reads, with the kind of record that it is."""
    for name in ("study.json", "status.json", "arms.json", "texts.parquet"):
        yield name, study / name
    for path in sorted((study / "trials").glob("*/*")):
        if path.is_file() and not path.name.startswith(".") and not is_log(path.name):
            yield path.name, path


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def says_the_same(name: str, one: bytes, other: bytes) -> bool:
    """Whether two JSON texts hold the same values: a bit of white space changes nothing."""
    if not name.endswith(".json"):
        return False
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def is_found(study: Path) -> bool:
    try:
        return bool(damage(open_study(str(study))))
    except UserError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("flips", [60, pytest.param(300, marks=pytest.mark.nightly)])
def test_no_flipped_bit_is_believed(finished: Path, flips: int) -> None:
    assert not is_found(finished)
    by_kind: dict[str, list[Path]] = {}
    for name, path in sealed_files(finished):
        by_kind.setdefault(name, []).append(path)
    assert {
        "trial.json",
        "result.json",
        "reports.jsonl",
        "per_query.parquet",
        "relevant_ranks.parquet",
    } < by_kind.keys()
    chance, believed = random.Random(0), []
    for number in range(flips):
        name = list(by_kind)[number % len(by_kind)]
        path = chance.choice(by_kind[name])
        content = path.read_bytes()
        changed = flipped(content, chance.randrange(8 * len(content)))
        path.write_bytes(changed)
        if not says_the_same(name, content, changed) and not is_found(finished):
            believed.append(str(path.relative_to(finished)))
        path.write_bytes(content)
    assert believed == []
    assert not is_found(finished)


@pytest.mark.slow
def test_resuming_rebuilds_what_is_damaged_or_missing(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "damaged"
    shutil.copytree(finished, study)
    wanted, chance = results(finished), random.Random(1)
    trials = study / "trials"
    victims = [
        next(trials.glob("confirm-*-000")) / "per_query.parquet",
        sorted(trials.glob("confirm-*-001"))[1] / "result.json",
        sorted(trials.glob("search-static-*"))[0] / "reports.jsonl",
        sorted(trials.glob("search-static-*"))[1] / "trial.json",
    ]
    for path in victims:
        content = path.read_bytes()
        path.write_bytes(flipped(content, chance.randrange(8 * len(content))))
    lost = sorted(trials.glob("confirm-*-001"))[2] / "result.json"
    lost.unlink()
    assert main(["--verify", str(study)]) == 1
    checked = capsys.readouterr().out
    for path in victims:
        assert str(path.relative_to(tmp_path)) in checked
    assert "confirm trials" in checked
    assert report([str(study), "--format", "markdown"]) == 0
    assert "have no whole result" in " ".join(capsys.readouterr().out.split())
    # A trial that failed for a reason outside it is run again in the confirm phase.
    broken = sorted(trials.glob("confirm-*-000"))[2]
    write_sealed(Folder(broken), RESULT, failure("the machine was on fire"))
    resumed = run("--resume", str(study))
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert results(study) == wanted
    assert main(["--verify", str(study)]) == 0
    assert json.loads((study / "arms.json").read_text()) == json.loads((finished / "arms.json").read_text())


@pytest.mark.slow
def test_a_changed_result_with_a_valid_seal_is_refused_before_anything_is_written(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "changed"
    shutil.copytree(finished, study)
    best = json.loads((study / "arms.json").read_text())["arms"][-1]["chosen_from"]

    def worse(values: dict[str, Any]) -> None:
        values["metrics"] = {name: value / 2 for name, value in values["metrics"].items()}

    edit(study / "trials" / best / "result.json", worse)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in study.rglob("*") if path.is_file()}
    assert main(["--resume", str(study)]) == 2
    said = capsys.readouterr().err
    assert "not the" in said or "does not hold the arms" in said
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in study.rglob("*") if path.is_file()}
    assert after == before
