"""The page is followed to the letter, from a folder outside the tree."""

import pandas as pd
import pytest

from tests.docs.pages import Lab, commands, files

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
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(PAGE, tmp_path_factory.mktemp("lab"))


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_measures.py", "lab_bias.py", "test_lab_measures.py", "look.py"]
    programs = [command.removeprefix("python -m ").split()[0] for command in commands(PAGE)]
    assert programs == ["pytest", "study.run", "study.run", "study.run", "analysis.report", "python"]


@pytest.mark.slow
def test_the_test_of_the_page_passes(lab: Lab) -> None:
    assert "1 passed" in lab.run(lab.command("pytest"))


def test_the_measures_of_the_page_are_computed(lab: Lab) -> None:
    printed = {name: float(value) for name, value in map(str.split, lab.run(lab.command("look.py")).splitlines())}
    assert list(printed) == [
        *("multilingual/precision@5", "cross-lingual/precision@1", "overall/precision@5", "bias/last_rank")
    ]
    assert printed.pop("bias/last_rank") > 1
    assert all(0 < value < 1 for value in printed.values())


def test_the_measures_of_the_page_join_the_default_ones_and_choose(lab: Lab) -> None:
    assert lab.python(CHOOSE).splitlines() == [
        "P@5, last rank",
        "overall/precision@3 maximize",
        "bias/last_rank minimize",
    ]


def test_the_measures_of_the_page_are_listed(lab: Lab) -> None:
    listed = lab.run(lab.command("--list"))
    assert "precision@5" in listed
    assert "last_rank" in listed


@pytest.mark.nightly
def test_the_plan_chooses_by_the_measure(lab: Lab) -> None:
    assert "chosen by dev overall/precision@3" in lab.run(lab.command("--dry-run"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_is_run_and_reported_with_and_without_the_plugins(lab: Lab) -> None:
    lab.run(lab.command("--name precision"))
    study = "studies/precision"
    tables = lab.folder / study / "report" / "tables"
    other = pd.read_csv(tables / "other_metrics.csv")
    assert {"precision@3", "precision@5"} < set(other["metric"])
    assert other.loc[other["metric"] == "precision@3", "value"].between(0, 1).all()
    with_plugins = lab.report(study)
    assert "last rank ↓" in with_plugins
    lab.run(lab.command("analysis.report"))
    assert lab.report(study) == with_plugins
    for given in ("", "--plugin lab_bias"):
        refused = lab.refused(f"python -m study.run --resume {study} {given}")
        assert refused.endswith("give --plugin lab_measures, too." if given else "--plugin lab_bias, too.")
    lab.run(f"python -m study.run --resume {study} --plugin lab_measures --plugin lab_bias --quiet")
