"""The page is followed to the letter, from a folder outside the tree."""

import re

import pandas as pd
import pytest

from tests.docs.pages import DOCS, Lab, commands, files

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
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(PAGE, tmp_path_factory.mktemp("lab"))


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_schedules.py", "test_lab_schedules.py", "lab_controllers.py"]
    programs = [command.split()[2] for command in commands(PAGE)]
    assert programs == ["pytest", "study.run", "study.run", "study.run", "analysis.report", "study.run"]


def test_the_test_of_the_page_passes(lab: Lab) -> None:
    assert "7 passed" in lab.run(lab.command("pytest"))


@pytest.mark.slow
def test_importing_the_modules_registers_families_that_train(lab: Lab) -> None:
    quadratic, mastery = lab.python(TRAIN).splitlines()
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


def test_the_family_is_listed(lab: Lab) -> None:
    assert "a parabola from start to end, flat at the start" in lab.run(lab.command("--list"))


@pytest.mark.nightly
def test_the_plan_searches_the_families_of_the_page_with_the_effort_of_the_others(lab: Lab) -> None:
    printed = lab.run(lab.command("--arms static,quadratic --dry-run"))
    efforts = {line.split()[0]: line.split()[-2:] for line in printed.splitlines() if "ratio." in line}
    assert efforts["quadratic"] == efforts["static"]
    assert "ratio.start, ratio.end" in printed
    assert "ratio.mastered, ratio.patience, ratio.after" in lab.run(lab.command("mastery"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_is_run_and_reported_with_and_without_the_plugin(lab: Lab) -> None:
    lab.run(lab.command("--name quadratic"))
    study = lab.folder / "studies" / "quadratic"
    results = pd.read_csv(study / "report" / "tables" / "results.csv")
    controls = [f"best dynamic, {control}" for control in ("reversed", "shuffled", "same-mean", "loss-mixing")]
    rivals = ["best static, centred", "best dynamic, centred"]
    assert list(results["arm"]) == ["best static", "quadratic", "best dynamic", *controls, *rivals]
    with_plugin = lab.report("studies/quadratic")
    assert "quadratic, start" in with_plugin
    lab.run(lab.command("analysis.report"))
    assert lab.report("studies/quadratic") == with_plugin
    refused = lab.refused("python -m study.run --resume studies/quadratic")
    assert refused.endswith("if you name it: give --plugin lab_schedules, too.")
