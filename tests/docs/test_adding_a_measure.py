"""docs/adding_a_measure.md, followed to the letter from a folder outside the tree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks

PAGE = "adding_a_measure.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    *module, _ = blocks(PAGE, "python")
    (tmp_path / "lab_measures.py").write_text("\n\n".join(module), encoding="utf-8")
    return tmp_path


def python(folder: Path, *arguments: str) -> str:
    """What a fresh process in the folder prints; the project is on its path as if it were installed."""
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_measures_of_the_page_are_computed(folder: Path) -> None:
    (folder / "use.py").write_text(blocks(PAGE, "python")[-1], encoding="utf-8")
    printed = dict(line.split() for line in python(folder, "use.py").splitlines())
    assert list(printed) == [
        *("multilingual/precision@5", "cross-lingual/precision@1", "overall/precision@5", "bias/last_rank")
    ]
    assert all(0 < float(value) < 1 for name, value in printed.items() if name != "bias/last_rank")
    assert float(printed["bias/last_rank"]) > 1


def test_the_measures_of_the_page_choose_and_are_recorded(folder: Path) -> None:
    (folder / "choose.py").write_text(
        "from study.plan.objective import parse_objectives\n"
        "from trainables.evaluation.measures.registry import chosen_measures\n"
        "from trainables.plugins import load_plugins\n"
        'load_plugins(["lab_measures"])\n'
        'print(*parse_objectives(["overall/precision@3", "bias/last_rank"]), sep="\\n")\n'
        "print({m.record().label for m in chosen_measures()} >= {'P@5', 'last rank'})\n",
        encoding="utf-8",
    )
    assert python(folder, "choose.py").splitlines() == [
        "Objective(metric='overall/precision@3', direction='maximize')",
        "Objective(metric='bias/last_rank', direction='minimize')",
        "True",
    ]


def test_the_command_of_the_page_lists_the_measures(folder: Path) -> None:
    (command,) = blocks(PAGE, "bash")
    program, *arguments = command.split()
    assert program == "python"
    listed = python(folder, *arguments)
    assert "precision@5" in listed
    assert "last_rank" in listed
