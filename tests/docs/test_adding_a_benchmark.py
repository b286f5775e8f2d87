"""The page is followed to the letter, in a folder and a process of its own, so that no registry here is changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import blocks

PAGE = "adding_a_benchmark.md"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with what the page tells to write, under the names that it tells."""
    module, _, training_set = blocks(PAGE, "python")
    (data,) = blocks(PAGE, "json")
    (tmp_path / "lab_capitals.py").write_text(module, encoding="utf-8")
    (tmp_path / "lab_training.py").write_text(training_set, encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "capitals.jsonl").write_text(data, encoding="utf-8")
    return tmp_path


def run(code: str, folder: Path) -> str:
    """What a program prints that is run in a folder, by a Python that finds this project and that folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_check_of_the_page_passes(lab: Path) -> None:
    run(blocks(PAGE, "python")[1], lab)


def test_the_benchmark_stands_beside_the_built_in_ones(lab: Path) -> None:
    printed = run(
        "from trainables.corpora.sources.registry import BENCHMARKS\n"
        "from trainables.plugins import load_plugins\n"
        "built_in = list(BENCHMARKS)\n"
        "load_plugins(['lab_capitals'])\n"
        "assert list(BENCHMARKS) == [*built_in, 'capitals']\n"
        "print(BENCHMARKS['capitals'].description, BENCHMARKS['capitals'].splits)",
        lab,
    )
    assert printed == "capitals of the world, 3 languages ('test',)\n"


def test_without_its_files_the_benchmark_tells_what_it_needs(lab: Path) -> None:
    printed = run(
        "from trainables.corpora.sources.registry import load_benchmark\n"
        "from trainables.errors import UserError\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_capitals'])\n"
        "try:\n"
        "    load_benchmark('capitals', 'test')\n"
        "except UserError as error:\n"
        "    print(error)",
        lab,
    )
    assert "--data-dir" in printed


def test_a_name_that_is_taken_is_refused_with_the_name_of_the_plugin(lab: Path) -> None:
    module = (lab / "lab_capitals.py").read_text(encoding="utf-8")
    (lab / "lab_copy.py").write_text(module, encoding="utf-8")
    printed = run(
        "from trainables.errors import UserError\n"
        "from trainables.plugins import load_plugins\n"
        "try:\n"
        "    load_plugins(['lab_capitals', 'lab_copy'])\n"
        "except UserError as error:\n"
        "    print(error)",
        lab,
    )
    assert "lab_copy" in printed
    assert "'capitals'" in printed


def test_a_loader_that_calls_its_benchmark_like_another_is_refused(lab: Path) -> None:
    module = (lab / "lab_capitals.py").read_text(encoding="utf-8")
    (lab / "lab_capitals.py").write_text(module.replace('benchmark("capitals"', 'benchmark("cities"'), encoding="utf-8")
    printed = run(
        "from pathlib import Path\n"
        "from trainables.corpora.sources.registry import load_benchmark\n"
        "from trainables.errors import UserError\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_capitals'])\n"
        "try:\n"
        "    load_benchmark('capitals', 'test', Path('data'))\n"
        "except UserError as error:\n"
        "    print(error)",
        lab,
    )
    assert "'capitals' is called 'cities'" in printed


def test_the_training_set_of_the_page_is_loaded_by_its_name(lab: Path) -> None:
    printed = run(
        "from trainables.corpora.sources.registry import load_training\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_training'])\n"
        "print([item.id for item in load_training(['capital-facts'])['capital-facts']])",
        lab,
    )
    assert printed == "['AT', 'CZ', 'GR']\n"
