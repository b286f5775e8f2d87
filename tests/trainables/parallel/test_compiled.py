"""Layers are compiled by the compiler that PyTorch finds, or the user is told before anything runs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch._inductor import config, cpp_builder

from trainables.errors import UserError
from trainables.parallel.compiled import find_compiler


@pytest.fixture(autouse=True)
def nothing_found_yet() -> Iterator[None]:
    """PyTorch looks once in a process."""
    cpp_builder.cpp_compiler_search.cache_clear()
    yield
    cpp_builder.cpp_compiler_search.cache_clear()


# PyTorch reads CXX when it is loaded.
@pytest.mark.parametrize(("cxx", "found"), [("true", True), ("no-such-compiler", False), ("false", False)])
def test_layers_are_not_compiled_without_a_compiler(cxx: str, found: bool) -> None:
    with config.patch({"cpp.cxx": (None, cxx)}):
        if found:
            find_compiler()
            return
        with pytest.raises(UserError, match=rf"no compiler of C\+\+ here that PyTorch would take \({cxx}\): install g"):
            find_compiler()


def test_a_compiler_that_pytorch_does_not_look_for_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = shutil.which("true")
    assert works is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    with config.patch({"cpp.cxx": (None, "g++")}):
        for name in ("clang++", "c++"):
            (tmp_path / name).symlink_to(works)
            with pytest.raises(UserError, match=r"would take \(g\+\+\)"):
                find_compiler()
        (tmp_path / "g++").symlink_to(works)
        find_compiler()
