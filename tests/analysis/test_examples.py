"""The examples in the docstrings of the analysis run."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import analysis

MODULES = sorted(module.name for module in pkgutil.walk_packages(analysis.__path__, "analysis."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    with_examples = [name for name in MODULES if any(test.examples for test in finder.find(import_module(name)))]
    assert len(with_examples) > 8
