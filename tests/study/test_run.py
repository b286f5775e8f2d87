"""The main job through its command line: it ends, it repeats, and it survives being killed."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from analysis.findings.findings import Findings
from analysis.render.table import Table
from analysis.sections.comparisons import comparisons
from analysis.sections.results import results as results_of
from study.run import main
from study.study_folder import open_study
from tests.analysis.conftest import StudyPlan, write_study_files
from tests.disks import small_disk
from tests.study.conftest import TINY, results, run, start
from trainables.records import RESULT
from trainables.sealed import write_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_study_ends_with_records_and_a_report(undisturbed: Path) -> None:
    study = open_study(str(undisturbed))
    assert study.status.state == "complete"
    assert study.problems == []
    ends = {phase: {trial.status for trial in study.trials if trial.phase == phase} for phase in ("search", "confirm")}
    assert ends == {"search": {"complete", "pruned"}, "confirm": {"complete"}}
    assert {arm.arm for arm in study.arms} == {"X-X-mono", "X-Y", "hybrid 0.5", "best static"}
    for arm in study.arms:
        trials = study.confirm_trials(arm)
        assert [trial.seed for trial in trials] == [0, 1]
        # By default the best on the dev set is kept, sealed as all else.
        kept = [trial for trial in trials if f"{ENCODER}/model.safetensors" in trial.result.files]
        assert kept == [max(trials, key=lambda trial: trial.result.metrics["dev/overall/map"])]
        assert [trial for trial in trials if trial.folder.exists(ENCODER)] == kept
        assert kept[0].damaged_files == []
        for trial in trials:
            rows = trial.per_query()
            assert rows is not None
            multilingual = rows[rows.setting == "multilingual"]
            assert multilingual["map"].mean() == pytest.approx(
                trial.result.metrics["atlas-test/multilingual/map"], abs=1e-6
            )
    assert "atlas-test" in (undisturbed / "report" / "report.md").read_text()


def test_bilingual_pools_stand_in_records_and_report_and_not_in_the_overall_value(undisturbed: Path) -> None:
    study = open_study(str(undisturbed))
    for arm in study.arms:
        for trial in study.confirm_trials(arm):
            metrics = {name: value for name, value in trial.result.metrics.items() if name.startswith("atlas-test/")}
            three = [metrics[f"atlas-test/{one}/map"] for one in ("monolingual", "cross-lingual", "multilingual")]
            assert metrics["atlas-test/overall/map"] == pytest.approx(sum(three) / 3)
            # A larger pool of the same candidates lets no candidate rise.
            assert metrics["atlas-test/bilingual/recall@1"] <= metrics["atlas-test/monolingual/recall@1"]
            rows = trial.per_query()
            assert rows is not None
            cells = rows[rows.setting == "bilingual"].groupby(["query_language", "pool_language"])["map"].mean()
            assert len(cells) == 11 * 10
            assert cells.mean() == pytest.approx(metrics["atlas-test/bilingual/map"], abs=1e-6)
            assert "dev/bilingual/map" in trial.result.metrics
    table = results_of(Findings.of([str(undisturbed)]))
    labels = [column.label for column in table.columns]
    assert labels[labels.index("Overall") :][:5] == [
        "Overall",
        "Monolingual",
        "Cross-lingual",
        "Bilingual",
        "Multilingual",
    ]


@pytest.mark.nightly
def test_the_same_command_killed_twice_gives_the_same_numbers(undisturbed: Path, tmp_path: Path) -> None:
    """One trial at a time instead of two; what had ended before a kill is not run again."""
    study = tmp_path / "killed"
    for phase, ended in (("search", 2), ("confirm", 3)):
        arguments = (
            ("--resume", str(study))
            if study.exists()
            else (*TINY, "--storage", str(tmp_path), "--name", "killed", "--quiet", "--max-concurrent-trials", "1")
        )
        process = start(*arguments)
        deadline = time.monotonic() + 200
        while len(list(study.glob(f"trials/{phase}-*/result.json"))) < ended:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    # A result is sealed anew where its encoder gave way to a better one.
    before = {path: json.loads(path.read_text())["ended"] for path in study.glob("trials/*/result.json")}
    assert before
    done = run("--resume", str(study), "--quiet")
    assert done.returncode == 0, done.stderr
    assert {path: json.loads(path.read_text())["ended"] for path in before} == before, "a finished trial was run again"
    assert results(study) == results(undisturbed)


def test_a_trial_that_is_run_again_comes_to_the_same_numbers_or_says_which_differ(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = open_study(str(undisturbed))
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*") if path.is_file()}
    # One with a kept encoder and tables, and one that early stopping has ended.
    kept = next(trial for trial in study.trials if trial.folder.exists(ENCODER))
    pruned = next(trial for trial in study.trials if trial.status == "pruned")
    for trial in (kept, pruned):
        assert main(["--verify", str(undisturbed), "--trial", trial.id]) == 0, capsys.readouterr()
        assert "to the bit" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*") if path.is_file()} == before

    other = tmp_path / "other"
    shutil.copytree(undisturbed, other)
    folder = Folder(other) / "trials" / pruned.id
    result = pruned.result
    assert result is not None
    name, value = next(iter(result.metrics.items()))
    write_sealed(folder, RESULT, result.model_copy(update={"metrics": {**result.metrics, name: value + 1e-9}}))
    assert main(["--verify", str(other), "--trial", pruned.id]) == 1
    said = capsys.readouterr().out
    assert f"{name}: {value + 1e-9} was recorded, {value} came out" in said
    assert said.count("was recorded") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--trial", "x"), "give --verify STUDY"),
        (("--verify", "STUDY", "--trial", "x"), "Unknown trial 'x'"),
        (("--verify", "STUDY", "--trial", "x", "--steps", "3"), "leave it out"),
    ],
)
def test_a_trial_that_cannot_be_run_again_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(undisturbed) if part == "STUDY" else part for part in arguments]) == 2
    assert sentence in capsys.readouterr().err


BESIDE = (
    ("--seeds", "99"),
    ("--set", "steps=3"),
    ("--search-learning-rate",),
    ("--resume", "nothing"),
    ("--confirm-only", ""),
    ("--config", "study.yaml"),
    ("--list",),
    ("--dry-run",),
    ("--dry-run", "--gpu", "a100-40"),
    ("--gpu", "a100-40"),
    ("--quiet",),
    ("--storage", "elsewhere"),
)


@pytest.mark.parametrize("beside", [*BESIDE, *((*one, "--trial", "x") for one in BESIDE if "--set" not in one)])
def test_a_flag_that_changes_nothing_about_what_is_verified_is_refused(
    beside: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    assert main(["--verify", str(study), *beside]) == 2
    out, said = capsys.readouterr()
    assert (out, len(said.splitlines())) == ("", 1)
    assert beside[0] in said
    assert "leave" in said


@pytest.mark.parametrize(
    "beside", [*(one for one in BESIDE if one != ("--list",)), ("--verify", "x"), ("--plan-for", ".01")]
)
def test_a_flag_that_changes_nothing_about_what_is_listed_is_refused(
    beside: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--list", *beside]) == 2
    out, said = capsys.readouterr()
    assert (out, len(said.splitlines())) == ("", 1)
    assert beside[0] in said
    assert "leave" in said


def test_a_study_that_is_named_is_verified_in_its_storage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    assert main(["--verify", study.name, "--storage", str(tmp_path)]) == 0
    assert f"{study} is whole" in capsys.readouterr().out


AGAIN = (
    *("--arms", "X-Y,static,linear", "--without", "reversed,shuffled,same-mean,loss-mixing", "--repeat-search", "2"),
    *("--trials", "2", "--seeds", "1", "--model", "mini-xs", "--steps", "12", "--batch-size", "16", "--quiet"),
)


@pytest.mark.nightly
def test_a_study_killed_in_its_second_search_gives_the_same_tables(tmp_path: Path) -> None:
    assert run(*AGAIN, "--storage", str(tmp_path), "--name", "whole").returncode == 0
    study, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(*AGAIN, "--storage", str(tmp_path), "--name", "killed")
    deadline = time.monotonic() + 200
    while len(list(study.glob("trials/search-r1-*/result.json"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert run("--resume", str(study), "--quiet").returncode == 0
    assert results(study) == results(whole)
    assert {trial.record.repetition for trial in open_study(str(study)).trials if trial.phase == "confirm"} == {0, 1}
    tables = [{t.name: t.rows for t in _tables(folder)} for folder in (study, whole)]
    assert tables[0] == tables[1]
    more = run("--confirm-only", str(study), "--seeds", "2", "--quiet")
    assert more.returncode == 0, more.stderr
    assert {arm: seeds for arm, seeds in _seeds(study).items() if len(seeds) != 4} == {}


def _tables(study: Path) -> list[Table]:
    findings = Findings.of([str(study)])
    return [results_of(findings), comparisons(findings.comparisons)]


def _seeds(study: Path) -> dict[str, tuple[int, ...]]:
    return {arm.label: arm.seeds for arm in Findings.of([str(study)]).facts.arms}


def test_an_interrupt_leaves_a_usable_study(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start(*TINY, "--storage", str(tmp_path), "--name", "stopped")
    while not list((tmp_path / "stopped").glob("trials/search-*/result.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    # As a scheduler does that knows of both processes; the study itself gets SIGINT, once.
    (study_process,) = psutil.Process(process.pid).children()
    study_process.terminate()
    process.terminate()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err
    assert "--resume" in out
    assert "Traceback" not in out + err
    study = tmp_path / "stopped"
    assert out.rstrip().endswith((study / "report" / "report.html").as_uri())
    assert json.loads((study / "status.json").read_text())["state"] == "interrupted"
    ended = list(study.glob("trials/*/result.json"))
    assert main(["--resume", str(study), "--dry-run"]) == 0
    planned = capsys.readouterr().out.splitlines()[-3:-1]
    rest = {line.split()[0]: list(map(int, line.split()[1:])) for line in planned}
    assert sum(done for _, done, _ in rest.values()) == len(ended)
    assert all(whole == done + left for whole, done, left in rest.values())
    assert list(study.glob("trials/*/result.json")) == ended
    done = run("--resume", str(study), "--quiet")
    assert done.returncode == 0, done.stderr
    assert results(study) == results(undisturbed)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a study and two checkpoints."""
    with small_disk(tmp_path / "disk", "70m") as folder:
        yield folder


@pytest.mark.nightly
def test_a_disk_that_fills_up_under_a_study_is_one_sentence_and_no_failed_trial(disk: Path, undisturbed: Path) -> None:
    study, other = disk / "s", disk / "other"
    with start(*TINY, "--storage", str(disk), "--name", "s") as process:
        try:
            deadline = time.monotonic() + 120
            while not (study / "study.json").exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # Room for records, but not for a checkpoint of 6 MB.
            left = os.statvfs(disk)
            other.write_bytes(bytes(left.f_bavail * left.f_frsize - 4_000_000))
            _, said = process.communicate(timeout=240)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 2
    assert said.startswith(f"study.run: {study}/trials/")
    assert re.search("/checkpoint/[0-9]{9}: no space left on device; mend that or give another --storage", said)
    assert len(said.strip().splitlines()) == 1
    assert list(study.glob("trials/*/result.json")) == []
    other.unlink()
    done = run("--resume", str(study), "--quiet")
    assert done.returncode == 0, done.stderr
    assert results(study) == results(undisturbed)
    assert [path.name for path in study.glob("trials/*/*") if "checkpoint" in path.name] == []
