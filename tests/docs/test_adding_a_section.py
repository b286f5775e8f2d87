"""The page is followed to the letter, from a folder outside the tree."""

from pathlib import Path

import pandas as pd
import pytest

from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files
from tests.docs.pages import Lab, commands, files

PAGE = "adding_a_section.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The files of the page beside a study that nobody had to run."""
    folder = tmp_path_factory.mktemp("lab")
    write_study_files(folder / "studies", StudyPlan(arms=FEW_ARMS, questions=8, search_trials=1))
    return Lab(PAGE, folder)


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_seeds.py", "test_lab_seeds.py"]
    programs = [command.split()[2] for command in commands(PAGE)]
    assert programs == ["study.run", "pytest", "analysis.report", "analysis.report"]


@pytest.mark.slow
def test_the_test_of_the_page_passes(lab: Lab) -> None:
    assert "1 passed" in lab.run(lab.command("pytest"))


@pytest.mark.slow
def test_the_section_of_the_page_is_in_the_report(lab: Lab) -> None:
    printed = lab.run(lab.command("analysis.report studies/quick"))
    report = lab.folder / "studies" / "quick" / "report"
    table = pd.read_csv(report / "tables" / "seeds.csv")
    assert (table["worst"] <= table["best"]).all()
    assert set(table["arm"]) == {arm.name for arm in FEW_ARMS}
    widest = table.loc[(table["best"] - table["worst"]).idxmax(), "arm"]
    assert f"The seeds of {widest} differ most" in " ".join(printed.split())
    markdown = lab.report("studies/quick")
    assert "## Seeds" in markdown
    # A plugin's section stands at the end, before the methods.
    assert markdown.index("## Details") < markdown.index("## Seeds") < markdown.index("## Methods")
    page = (report / "report.html").read_text("utf-8")
    assert '<section id="seeds"' in page
    assert 'id="figure-seeds"' in page
    assert (report / "figures" / "seeds.svg").is_file()
    assert (report / "figures" / "seeds.pdf").is_file()


def test_the_section_is_listed_at_the_end(lab: Lab) -> None:
    assert lab.run(lab.command("--list")).splitlines()[-1].split()[0] == "seeds"


@pytest.mark.slow
def test_without_the_plugin_there_is_no_such_section(lab: Lab, tmp_path: Path) -> None:
    lab.run(f"python -m analysis.report studies/quick --format markdown --output {tmp_path}")
    assert "## Seeds" not in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize("command", ["report studies/quick", "compare studies/quick X-Y 'best static'"])
def test_a_plugin_that_is_not_there_is_one_sentence(lab: Lab, command: str) -> None:
    refused = lab.refused(f"python -m analysis.{command} --plugin no_such_module")
    program = f"analysis.{command.split()[0]}"
    assert refused.startswith(f"{program}: --plugin no_such_module cannot be imported (ModuleNotFoundError")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_ends_with_a_report_that_has_the_section(tmp_path: Path) -> None:
    lab = Lab(PAGE, tmp_path)
    plan = lab.run(f"{lab.command('--name quick')} --dry-run")
    assert "X-X-mono" in plan
    assert "The seeds of " in " ".join(lab.run(lab.command("--name quick")).split())
    assert "## Seeds" in lab.report("studies/quick")
    assert "1 passed" in lab.run(lab.command("pytest"))
    lab.run("python -m analysis.report studies/quick")
    assert "## Seeds" not in lab.report("studies/quick")
    assert lab.refused("python -m study.run --resume studies/quick").endswith("give --plugin lab_seeds, too.")
