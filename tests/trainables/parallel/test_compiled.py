import pytest

from trainables.errors import UserError
from trainables.parallel.compiled import find_compiler


def test_layers_are_not_compiled_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"no compiler of C\+\+ here \(no-such-compiler\): install g\+\+"):
        find_compiler()
    monkeypatch.setenv("CXX", "true")
    find_compiler()
