"""The page is followed to the letter, from a folder outside the tree."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, code_blocks

PAGE = "adding_a_schedule_family.md"
ROOT = DOCS.parent
TRAIN = """
from tests.trainables.toy_run import Reports, toy_config, toy_data, toy_encoder, toy_tokens
from trainables.plugins import load_plugins
from trainables.ratio.registry import FAMILIES
from trainables.training.fine_tune import fine_tune

before = set(FAMILIES)
load_plugins(["lab_schedules", "lab_controllers"])
for name in [name for name in FAMILIES if name not in before]:
    data, config = toy_data(), toy_config(ratio={"family": name}, steps=40)
    summary = fine_tune(config, data, toy_tokens(data), toy_encoder(), sink=Reports())
    print(name, summary.status, summary.steps, round(summary.ratios[0], 3), round(summary.ratios[-1], 3))
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
    python = Path(sys.executable).parent
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_the_blocks_that_these_tests_follow() -> None:
    blocks = code_blocks(PAGE)
    titles = [block.title for block in blocks if block.title]
    assert titles == ["lab_schedules.py", "test_lab_schedules.py", "lab_controllers.py"]
    assert {block.language for block in blocks if not block.title} == {"shell"}


def test_the_test_of_the_page_passes(folder: Path) -> None:
    (command,) = [block.code for block in code_blocks(PAGE) if block.language == "shell" and "pytest" in block.code]
    assert "7 passed" in run(["bash", "-ec", command], folder)


def test_importing_the_modules_registers_families_that_train(folder: Path) -> None:
    quadratic, mastery = run([sys.executable, "-c", TRAIN], folder).splitlines()
    assert quadratic == f"quadratic complete 40 1.0 {round(1 - (39 / 40) ** 2, 3)}"
    # The toy encoder masters its task: the controller lets cross-lingual batches in.
    assert mastery == "mastery complete 40 1.0 0.5"


def test_the_page_names_what_there_is() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    paths = re.findall(r"`((?:trainables|tests)/[\w/.]+)`", text)
    paths += [f"docs/{link}" for link in re.findall(r"\]\((\w+\.md)\)", text)]
    assert len(paths) > 5
    for path in paths:
        assert (ROOT / path).exists(), path
