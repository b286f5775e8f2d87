"""The page is followed to the letter, from a folder outside the tree."""

import pandas as pd
import pytest

from tests.docs.pages import Lab, commands, files

PAGE = "adding_an_encoder.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(PAGE, tmp_path_factory.mktemp("lab"))


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_presets.py", "lab_encoders.py", "test_lab_encoders.py"]
    programs = [command.split()[2] for command in commands(PAGE)]
    assert programs == ["study.run", "pytest", "study.run", "study.run", "study.run", "analysis.report"]


@pytest.mark.slow
def test_the_test_of_the_page_passes(lab: Lab) -> None:
    assert "1 passed" in lab.run(lab.command("pytest"))


@pytest.mark.slow
def test_the_encoders_are_listed_with_the_options_of_the_new_kind(lab: Lab) -> None:
    assert "Arctic Embed 2 large" in lab.run(lab.command("lab_presets --list"))
    listed = lab.run(lab.command("lab_encoders --list"))
    assert "one layer that is passed twice" in listed
    assert "times that the layer is passed" in listed


@pytest.mark.nightly
def test_the_plan_trains_the_new_kind_beside_a_built_in_one(lab: Lab) -> None:
    printed = lab.run(lab.command("--dry-run"))
    assert "encoder: looped, mini-xs" in printed


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_is_run_and_reported_with_and_without_the_plugin(lab: Lab) -> None:
    study = "studies/looped"
    lab.run(lab.command("--name looped"))
    results = pd.read_csv(lab.folder / study / "report" / "tables" / "results.csv")
    rivals = ["X-X-mono, centred", "best static, centred"]
    assert list(results["arm"]) == ["X-X-mono", "X-Y", "best static", *rivals] * 2
    with_plugin = lab.report(study)
    assert "The encoder was looped" in with_plugin
    lab.run(lab.command("analysis.report"))
    assert lab.report(study) == with_plugin
    assert lab.refused(f"python -m study.run --resume {study}").endswith("give --plugin lab_encoders, too.")
