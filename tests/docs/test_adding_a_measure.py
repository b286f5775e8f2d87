"""The page is followed to the letter, from a folder outside the tree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, code_blocks

PAGE = "adding_a_measure.md"
CHOOSE = """
from study.plan.objective import parse_objectives
from trainables.evaluation.measures.registry import chosen_measures
from trainables.plugins import load_plugins

before = {str(measure) for measure in chosen_measures()}
load_plugins(["lab_measures", "lab_bias"])
print(*(measure.record().label for measure in chosen_measures() if str(measure) not in before), sep=", ")
for objective in parse_objectives(["overall/precision@3", "bias/last_rank"]):
    print(objective.metric, objective.direction)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page."""
    path = tmp_path_factory.mktemp("lab")
    for block in code_blocks(PAGE):
        if block.title:
            (path / block.title).write_text(block.code, "utf-8")
    return path


def run(command: list[str], folder: Path) -> str:
    """What a process in the folder prints, the project being on its path as if it were installed."""
    python = Path(sys.executable).parent
    path = f"{python}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command(word: str) -> list[str]:
    """The command of the page that holds this word."""
    (found,) = [block.code for block in code_blocks(PAGE) if block.language == "shell" and word in block.code]
    return ["bash", "-ec", found]


def test_the_page_has_the_blocks_that_these_tests_follow() -> None:
    blocks = code_blocks(PAGE)
    titles = [block.title for block in blocks if block.title]
    assert titles == ["lab_measures.py", "lab_bias.py", "test_lab_measures.py", "look.py"]
    assert [block.language for block in blocks if not block.title] == ["shell"] * 3


def test_the_test_of_the_page_passes(folder: Path) -> None:
    assert "1 passed" in run(command("pytest"), folder)


def test_the_measures_of_the_page_are_computed(folder: Path) -> None:
    printed = {name: float(value) for name, value in map(str.split, run(command("look.py"), folder).splitlines())}
    assert list(printed) == [
        *("multilingual/precision@5", "cross-lingual/precision@1", "overall/precision@5", "bias/last_rank")
    ]
    assert printed.pop("bias/last_rank") > 1
    assert all(0 < value < 1 for value in printed.values())


def test_the_measures_of_the_page_join_the_default_ones_and_choose(folder: Path) -> None:
    assert run([sys.executable, "-c", CHOOSE], folder).splitlines() == [
        "P@5, last rank",
        "overall/precision@3 maximize",
        "bias/last_rank minimize",
    ]


def test_the_measures_of_the_page_are_listed(folder: Path) -> None:
    listed = run(command("--list"), folder)
    assert "precision@5" in listed
    assert "last_rank" in listed
