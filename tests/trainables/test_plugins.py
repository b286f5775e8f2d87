import sys
from pathlib import Path

import pytest

from trainables.errors import UserError
from trainables.plugins import load_plugins


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_named_module_is_imported_once(here: Path) -> None:
    (here / "lab_once.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('log').open('a').write('x')\n"
    )
    load_plugins(["lab_once"])
    load_plugins(["lab_once"])
    assert (here / "log").read_text() == "x"
    del sys.modules["lab_once"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"--plugin lab_broken cannot be imported \(ModuleNotFoundError"),
        ("1 / 0", r"--plugin lab_broken cannot be imported \(ZeroDivisionError"),
        ("from trainables.errors import UserError\nraise UserError('taken')", "--plugin lab_broken: taken"),
    ],
)
def test_a_module_that_does_not_import_is_told(here: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (here / "lab_broken.py").write_text(content)
    with pytest.raises(UserError, match=sentence):
        load_plugins(["lab_broken"])


def test_an_installed_package_is_found_by_its_entry_point(here: Path) -> None:
    (here / "lab_installed.py").write_text("")
    info = here / "lab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hybrid_batch_studies]\nlab = lab_installed\n")
    load_plugins()
    assert "lab_installed" in sys.modules
    del sys.modules["lab_installed"]
