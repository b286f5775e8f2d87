"""The page is followed to the letter, in a folder and processes of its own, so that no registry here is changed."""

from pathlib import Path

import pandas as pd
import pytest

from tests.docs.pages import Lab, commands, files

PAGE = "adding_a_benchmark.md"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(PAGE, tmp_path)


def test_the_page_has_the_files_and_commands_that_these_tests_follow() -> None:
    assert list(files(PAGE)) == ["lab_capitals.py", "data/capitals.jsonl", "check_capitals.py", "lab_training.py"]
    programs = [command.removeprefix("python -m ").split()[0] for command in commands(PAGE)]
    assert programs == ["python", "study.run", "study.run", "study.run", "analysis.report", "study.run"]


def test_the_check_of_the_page_passes(lab: Lab) -> None:
    lab.run(lab.command("check_capitals.py"))


def test_the_benchmark_stands_beside_the_built_in_ones(lab: Lab) -> None:
    printed = lab.python(
        "from trainables.corpora.sources.registry import BENCHMARKS\n"
        "from trainables.plugins import load_plugins\n"
        "built_in = list(BENCHMARKS)\n"
        "load_plugins(['lab_capitals'])\n"
        "assert list(BENCHMARKS) == [*built_in, 'capitals']\n"
        "print(BENCHMARKS['capitals'].description, BENCHMARKS['capitals'].splits)"
    )
    assert printed == "capitals of the world, 3 languages ('test',)\n"


def test_without_its_files_the_benchmark_tells_what_it_needs(lab: Lab) -> None:
    printed = lab.python(
        "from trainables.corpora.sources.registry import load_benchmark\n"
        "from trainables.errors import UserError\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_capitals'])\n"
        "try:\n"
        "    load_benchmark('capitals', 'test')\n"
        "except UserError as error:\n"
        "    print(error)"
    )
    assert "--data-dir" in printed


def test_a_name_that_is_taken_is_refused_with_the_name_of_the_plugin(lab: Lab) -> None:
    (lab.folder / "lab_copy.py").write_text(files(PAGE)["lab_capitals.py"], encoding="utf-8")
    refused = lab.refused("python -m study.run --plugin lab_capitals --plugin lab_copy --list")
    assert "lab_copy" in refused
    assert "'capitals'" in refused


def test_a_loader_that_calls_its_benchmark_like_another_is_refused(lab: Lab) -> None:
    module = files(PAGE)["lab_capitals.py"]
    (lab.folder / "lab_capitals.py").write_text(module.replace('benchmark("capitals"', 'benchmark("cities"'), "utf-8")
    printed = lab.python(
        "from pathlib import Path\n"
        "from trainables.corpora.sources.registry import load_benchmark\n"
        "from trainables.errors import UserError\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_capitals'])\n"
        "try:\n"
        "    load_benchmark('capitals', 'test', Path('data'))\n"
        "except UserError as error:\n"
        "    print(error)"
    )
    assert "'capitals' is called 'cities'" in printed


def test_the_training_set_of_the_page_is_loaded_by_its_name(lab: Lab) -> None:
    printed = lab.python(
        "from trainables.corpora.training_sets import load_training\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_training'])\n"
        "print([item.id for item in load_training(['capital-facts'])['capital-facts']])"
    )
    assert printed == "['AT', 'CZ', 'GR']\n"


def test_the_benchmark_is_listed(lab: Lab) -> None:
    assert "capitals of the world, 3 languages (CC0-1.0)" in lab.run(lab.command("--list"))


@pytest.mark.nightly
def test_the_plan_is_judged_by_the_benchmark_and_trains_on_the_training_set(lab: Lab) -> None:
    assert "capitals (11 queries, 11 candidates; licence CC0-1.0)" in lab.run(lab.command("X-X-mono,X-Y --dry-run"))
    assert "atlas, capital-facts: " in lab.run(lab.command("lab_training"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.nightly
def test_the_study_of_the_page_is_run_and_reported_with_and_without_the_plugin(lab: Lab) -> None:
    lab.run(lab.command("--name capitals"))
    study = "studies/capitals"
    results = pd.read_csv(lab.folder / study / "report" / "tables" / "results.csv")
    assert "capitals_multilingual_map" in results
    assert list(results["arm"]) == ["X-X-mono", "X-Y", "best static", "X-X-mono, centred", "best static, centred"]
    with_plugin = lab.report(study)
    lab.run(lab.command("analysis.report"))
    assert lab.report(study) == with_plugin
    assert lab.refused(f"python -m study.run --resume {study}").endswith("give --plugin lab_capitals, too.")
