"""Studies run through the real command line, as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]

TINY = (
    *("--space", "static_ratio", "--trials", "4", "--seeds", "2"),
    *("--model", "mini-xs", "--steps", "12", "--batch-size", "16", "--learning-rate", "0.001"),
    *("--early-stopping", "halving", "--evaluations", "4", "--search-seed", "1000003", "--bilingual"),
)
"""A study of 7 search trials, of which early stopping ends some, and 8 confirm trials of a second each at most."""


def start(*arguments: str, cwd: Path = ROOT) -> "subprocess.Popen[str]":
    """Starts the command line in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "study.run", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: str, cwd: Path = ROOT, seconds: float = 240) -> "subprocess.CompletedProcess[str]":
    """Runs the command line to its end."""
    with start(*arguments, cwd=cwd) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def results(study: Path) -> dict[str, dict[str, Any]]:
    """The result of every trial by id, without what differs between equal runs: time, place and speed."""
    found = {}
    for folder in sorted((study / "trials").iterdir()):
        result = json.loads((folder / "result.json").read_text())
        found[folder.name] = {
            k: v for k, v in result.items() if k not in ("cost", "started", "ended", "host", "files", "sha256")
        }
    return found


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny study that ran to its end in one go; read only."""
    return tiny_study(tmp_path_factory)


def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished study of `TINY`, which the processes of a test run share."""
    storage = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        storage = storage.parent
    study = storage / "tiny" / "undisturbed"
    with FileLock(storage / "tiny.lock"):
        if not study.exists():
            done = run(*TINY, "--storage", str(study.parent), "--name", study.name)
            assert done.returncode == 0, done.stdout + done.stderr
            # On this machine only, and for whoever has the token.
            assert "dashboard: http://127.0.0.1:" in done.stdout
            assert "(it asks for a token: cat " in done.stdout
    return study
