"""The measure phase through the command line: it is killed, goes on, and leaves what it should and nothing else."""

import os
import signal
import time
from pathlib import Path

import pytest

from analysis.contents import build_report
from study.records import STATUS
from study.study_folder import open_study
from study.verify import damage
from tests.study.conftest import run, start
from trainables.evaluation.efficiency.held import HELD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ORDERS = 3
MEASURED = (
    *("--space", "inference_efficiency", "--arms", "X-X-mono,hybrid-0.5", "--trials", "1", "--seeds", "1"),
    *("--model", "mini-xs", "--steps", "6", "--batch-size", "16", "--learning-rate", "0.001", "--quiet"),
    *("--efficiency", "queries=100", "--efficiency", "timed_queries=8", "--efficiency", "repetitions=1"),
    *("--efficiency", "lengths=16", "--efficiency", "batch_sizes=1", "--efficiency", "measures=map"),
)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Path, int], set[str]]:
    """A study that was killed while it measured and then resumed to its end; what had been measured, with its times,
    and the trials that then still held their encoders."""
    storage = tmp_path_factory.mktemp("studies")
    study = storage / "measured"
    process = start(*MEASURED, "--storage", str(storage), "--name", "measured")
    deadline = time.monotonic() + 400
    while len(list(study.glob("measurements/*.json"))) < 4:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in study.glob("measurements/*.json")}
    held = {path.parent.name for path in study.glob(f"trials/*/{HELD}")}
    done = run("--resume", str(study), "--quiet", seconds=400)
    assert done.returncode == 0, done.stderr
    return study, before, held


def test_a_killed_phase_goes_on_where_it_was(killed: tuple[Path, dict[Path, int], set[str]]) -> None:
    path, before, held = killed
    assert {one: one.stat().st_mtime_ns for one in before} == before, "what was measured was measured again"
    # Rounds follow each other: in the second one every encoder has a turn left.
    assert held == {"confirm-X-X-mono-000", "confirm-hybrid-0.5-000"}
    study = open_study(str(path))
    assert len(study.measurements) == ORDERS * 3
    assert (study.status.state, study.status.phase) == ("complete", "measure")
    assert study.status.trials["measure"].done == ORDERS * 3
    assert (study.gaps, damage(study)) == ([], [])


def test_encoders_are_deleted_once_they_are_measured(killed: tuple[Path, dict[Path, int], set[str]]) -> None:
    path, _, _ = killed
    assert list(path.glob(f"trials/*/{HELD}")) == []


def test_an_encoder_under_two_names_has_the_same_numbers_that_no_machine_changes(
    killed: tuple[Path, dict[Path, int], set[str]],
) -> None:
    study = open_study(str(killed[0]))
    assert study.info.efficiency is not None
    untimed = {name for name, number in study.info.efficiency.numbers.items() if not number.is_timed}
    copies = [one for one in study.measurements.values() if one.is_copy]
    assert len(copies) == ORDERS
    for copy in copies:
        twin = study.measurements[copy.id.removesuffix("-copy")]
        for name, found in copy.benchmarks.items():
            numbers = twin.benchmarks[name].numbers
            assert numbers.keys() == found.numbers.keys()
            assert {k: found.numbers[k] for k in untimed & numbers.keys()} == {
                k: numbers[k] for k in untimed & numbers.keys()
            }
            assert {"hnsw/distances@0.95", "hnsw/distances@0.95/other-language"} <= numbers.keys()
            assert ("vectors/binary/map" in numbers) == ("geometry/anisotropy" in numbers) == (copy.order == 0)


def test_the_report_answers_about_efficiency_first(killed: tuple[Path, dict[Path, int], set[str]]) -> None:
    answer = build_report([str(killed[0])]).answer
    assert 0 < answer.index("at recall 0.95 (HNSW) of X-X-mono on atlas-test") < answer.index("Quality: One run each")


@pytest.mark.nightly
def test_a_lost_measurement_whose_encoder_is_gone_says_what_to_do(
    killed: tuple[Path, dict[Path, int], set[str]],
) -> None:
    study = killed[0]
    content = {path: path.read_bytes() for path in (study / "measurements/confirm-X-X-mono-000-0.json", study / STATUS)}
    lost = next(iter(content))
    lost.unlink()
    try:
        assert [line for line in damage(open_study(str(study))) if "1 of 9 measure" in line]
        done = run("--resume", str(study))
        assert done.returncode == 1
        said = " ".join(done.stdout.split())
        assert "left no encoder to measure" in said
        assert "delete" in said
    finally:
        for path, before in content.items():
            path.write_bytes(before)
