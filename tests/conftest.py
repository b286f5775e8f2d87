"""What every test may use."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Tests share few cores: no test is judged by its time, and each has one thread, set before torch is imported.
settings.register_profile("shared cores", deadline=None)
settings.load_profile("shared cores")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# No test cuts the power: a tenth of the time of tests that write studies would be spent waiting for the disk.
os.fsync = lambda fd: None

# Collecting makes millions of objects that live to the end: looking for garbage among them takes a fifth of the time.
gc.disable()

_ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves nightly tests out unless somebody asks for them."""
    if "nightly" in config.getoption("markexpr"):
        return
    left_out = [item for item in items if item.get_closest_marker("nightly")]
    items[:] = [item for item in items if not item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collects garbage again from here on, but not among what was imported."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets that may lie beside the project; tests that need it are skipped without it."""
    folder = Path(os.environ.get("HYBRID_BATCH_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set HYBRID_BATCH_DATA to a folder with xquad-r/, mlqa-r/, ...")
    return folder
