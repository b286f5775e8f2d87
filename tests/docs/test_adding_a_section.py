"""The page is followed to the letter, from a folder outside the tree."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files
from tests.docs.pages import DOCS, blocks, code_blocks

PAGE = "adding_a_section.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page and the study that it reports."""
    path = tmp_path_factory.mktemp("lab")
    for block in code_blocks(PAGE):
        if block.title:
            (path / block.title).write_text(block.code, "utf-8")
    write_study_files(path / "studies", StudyPlan(arms=FEW_ARMS, questions=8, search_trials=1))
    return path


def run(command: str, folder: Path) -> str:
    """What a command of the page prints in the folder, the project being on its path as if it were installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent), "PATH": path}
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_the_blocks_that_these_tests_follow() -> None:
    assert [block.title for block in code_blocks(PAGE) if block.title] == ["lab_seeds.py", "test_lab_seeds.py"]
    assert [command.split()[2] for command in blocks(PAGE, "shell")] == ["pytest", "analysis.report"]


def test_the_test_of_the_page_passes(folder: Path) -> None:
    assert "1 passed" in run(blocks(PAGE, "shell")[0], folder)


def test_the_section_of_the_page_is_in_the_report(folder: Path) -> None:
    printed = run(blocks(PAGE, "shell")[1], folder)
    report = folder / "studies" / "quick" / "report"
    table = pd.read_csv(report / "tables" / "seeds.csv")
    assert (table["worst"] <= table["best"]).all()
    assert set(table["arm"]) == {arm.name for arm in FEW_ARMS}
    widest = table.loc[(table["best"] - table["worst"]).idxmax(), "arm"]
    assert f"The seeds of {widest} differ most" in " ".join(printed.split())
    markdown = (report / "report.md").read_text("utf-8")
    assert "## Seeds" in markdown
    # A plugin's section stands at the end, before the methods.
    assert markdown.index("## Details") < markdown.index("## Seeds") < markdown.index("## Methods")
    page = (report / "report.html").read_text("utf-8")
    assert '<section id="seeds"' in page
    assert 'id="figure-seeds"' in page
    assert (report / "figures" / "seeds.svg").is_file()
    assert (report / "figures" / "seeds.pdf").is_file()


def test_without_the_plugin_there_is_no_such_section(folder: Path, tmp_path: Path) -> None:
    run(f"python -m analysis.report studies/quick --format markdown --output {tmp_path}", folder)
    assert "## Seeds" not in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize("command", ["report studies/quick", "compare studies/quick X-Y 'best static'"])
def test_a_plugin_that_is_not_there_is_one_sentence(folder: Path, command: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m analysis.{command} --plugin no_such_module"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(DOCS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("--plugin no_such_module cannot be imported (ModuleNotFoundError")
    assert len(done.stderr.splitlines()) == 1
