"""A study folder from somebody else is data: it is never followed out of itself, and its text does nothing."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from analysis import compare, report
from analysis.render.serve import make_server
from study.run import main
from study.study_folder import open_study
from study.verify import damage
from tests.analysis.conftest import StudyPlan, edit, write_study_files
from tests.study.conftest import ROOT

EVIL = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\n=cmd|'/C calc'!A0 <script>alert(1)</script> \\input{/etc/passwd} [/b]"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("mine")
    return file


def hostile(values: dict[str, Any]) -> None:
    values["question"] = EVIL
    values["name"] = EVIL
    values["space"] = EVIL


@pytest.mark.slow
def test_text_of_a_study_is_inert_in_every_format(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(study / "study.json", hostile)
    path = next((study / "trials").glob("search-*"))
    edit(path / "result.json", lambda values: values.update(status="failed", error=EVIL, metrics={}))
    out = tmp_path / "out"
    assert report.main([str(study), "--output", str(out), "--format", "markdown,csv,latex,json,html"]) == 0
    shown = capsys.readouterr()
    texts = {path: path.read_text(encoding="utf-8") for path in out.rglob("*") if path.is_file()}
    for where, text in {"terminal": shown.out + shown.err, **texts}.items():
        assert "\x1b[2J" not in text, where
        assert "\u202e" not in text, where
        assert "\x07" not in text, where
    assert "<script>alert(1)" not in texts[out / "report.html"]
    assert "\\input{/etc" not in texts[out / "tables" / "all_tables.tex"]
    for where, text in texts.items():
        if where.suffix == ".csv":
            cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
            assert not any(cell.startswith(("=", "+", "@")) for cell in cells), where


def links(study: Path, secret: Path) -> dict[str, Callable[[], None]]:
    trial = next((study / "trials").glob("confirm-*"))

    def replace(path: Path, target: Path) -> Callable[[], None]:
        def do() -> None:
            if path.is_dir():
                path.rename(path.with_name(f"old-{path.name}"))
            else:
                path.unlink(missing_ok=True)
            path.symlink_to(target)

        return do

    return {
        "a record": replace(study / "arms.json", secret),
        "a table": replace(trial / "per_query.parquet", secret),
        "a trial": replace(trial, secret.parent),
        "the lock": replace(study / ".lock", secret),
        "the log": replace(study / "log", secret.parent),
        "the report": replace(study / "report", secret.parent),
        "Ray's folder": replace(study / "ray", secret.parent),
        "the journal": replace(study / "optuna.journal", secret),
    }


PLANTED = ("a record", "a table", "a trial", "the lock", "the log", "the report", "Ray's folder", "the journal")


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_no_link_is_followed_by_report_verify_and_resume(
    planted: str, study: Path, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    links(study, secret)[planted]()
    before = sorted(path.name for path in secret.parent.iterdir())
    status = report.main([str(study), "--format", "markdown"])
    assert status == (2 if planted == "the report" else 0)
    damage(open_study(str(study)))
    assert main(["--resume", str(study), "--quiet"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert secret.read_text() == "mine"
    assert sorted(path.name for path in secret.parent.iterdir()) == before


def test_the_served_page_shows_nothing_from_outside_and_no_text_that_does_something(study: Path, secret: Path) -> None:
    secret.write_text("what-nobody-may-read")
    edit(study / "study.json", hostile)
    planted = links(study, secret)
    for name in ("a record", "a table", "the log"):
        planted[name]()
    with make_server([str(study)], 0.005, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for path, status in (("/", 200), ("/version", 200), ("/../secret", 404), ("/log/secret", 404)):
            asked = HTTPConnection("127.0.0.1", server.server_address[1])
            asked.request("GET", path)
            answer = asked.getresponse()
            text = answer.read().decode()
            assert answer.status == status, path
            assert "what-nobody-may-read" not in text
            assert "<script>alert(1)" not in text
            assert "\x1b" not in text
            asked.close()
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["status.json", "arms.json", "stopping.json", "texts.parquet"])
def test_what_is_no_file_is_named_and_left_out(name: str, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / name).unlink(missing_ok=True)
    os.mkfifo(study / name)
    assert report.main([str(study), "--format", "markdown"]) == 0
    (study / name).unlink()
    (study / name).mkdir()
    assert report.main([str(study), "--format", "markdown"]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[" * 10_000, '{"a":' * 5_000, "1e999", "\ufeff{}", '{"format": 2, "format": 2}'])
def test_a_study_record_that_is_none_is_one_sentence(
    content: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (study / "study.json").write_text(content)
    for command in (report.main, compare.main):
        arguments = [str(study)] if command is report.main else [str(study), "X-Y", "X-X-mono"]
        assert command(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("restore it from a copy") + err.count("use the version that wrote it") == 2


@pytest.mark.slow
def test_two_reports_into_one_folder_at_once_both_succeed(study: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "analysis.report",
        str(study),
        "--output",
        str(tmp_path / "out"),
        "--format",
        "csv",
    ]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in running:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    assert not list((tmp_path / "out" / "tables").glob(".*"))
