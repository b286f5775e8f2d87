"""The page is followed to the letter, from a folder outside the tree."""

import pandas as pd
import pytest

from tests.docs.pages import Lab, commands, files

PAGE = "adding_a_space.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(PAGE, tmp_path_factory.mktemp("lab"))


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_spaces.py", "test_lab_spaces.py"]
    programs = [command.split()[2] for command in commands(PAGE)]
    assert programs == ["pytest", "study.run", "study.run", "study.run", "analysis.report"]


@pytest.mark.slow
def test_the_test_of_the_page_passes(lab: Lab) -> None:
    assert "2 passed" in lab.run(lab.command("pytest"))


def test_the_space_is_listed_with_its_question(lab: Lab) -> None:
    listed = lab.run(lab.command("--list"))
    assert "falling_to_zero" in listed
    assert "Does a ratio that falls to zero beat the best constant ratio?" in listed


@pytest.mark.nightly
def test_the_plan_crosses_every_branch_with_every_level(lab: Lab) -> None:
    printed = lab.run(lab.command("--dry-run"))
    rows = [line.split() for line in printed.splitlines()]
    assert [row[0] for row in rows if row and row[0] in ("0.02", "0.05")] == ["0.02"] * 6 + ["0.05"] * 6


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_is_run_and_reported_with_and_without_the_plugin(lab: Lab) -> None:
    study = "studies/falling"
    lab.run(lab.command("--name falling"))
    results = pd.read_csv(lab.folder / study / "report" / "tables" / "results.csv")
    arms = ["best static", "line to zero", "best dynamic", "best dynamic, reversed"]
    assert sorted(results["arm"]) == sorted(2 * arms)
    with_plugin = lab.report(study)
    assert "The main comparison by temperature" in with_plugin
    lab.run(lab.command("analysis.report"))
    assert lab.report(study) == with_plugin
    assert lab.refused(f"python -m study.run --resume {study}").endswith("give --plugin lab_spaces, too.")
