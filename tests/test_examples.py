"""The examples in the docstrings run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("study", "search_spaces", "trainables", "analysis")
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text("utf-8")
)
USED = (
    *("study.plan.program", "study.read_settings", "study.records_page", "search_spaces.registry"),
    *("search_spaces.space", "trainables.config", "trainables.corpora.benchmark", "trainables.corpora.pairs"),
    *("trainables.corpora.sources.registry", "trainables.encoders.registry", "trainables.evaluation.evaluate"),
    *("trainables.evaluation.metric_name", "trainables.batches.planner", "trainables.ratio.config"),
    *("trainables.registry", "trainables.sealed", "trainables.storage", "trainables.trial"),
    *("analysis.statistics.questions", "analysis.statistics.significance", "analysis.statistics.scaling"),
)
"""What is called from outside its package."""


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", USED)
def test_what_is_used_from_outside_has_an_example(name: str) -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert any(test.examples for test in finder.find(import_module(name)))
