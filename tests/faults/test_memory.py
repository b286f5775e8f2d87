"""The memory of the machine runs out under a study: it goes on, to the numbers of one that had enough."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.study.conftest import TINY, results, start, tiny_study

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

GIB = 2**30
HOG = f"import time; held = bytearray(b'1') * (8 * {GIB}); print('held', flush=True); time.sleep(600)"


def test_a_study_goes_on_when_memory_was_nearly_full(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = tiny_study(tmp_path_factory)
    memory = psutil.virtual_memory()
    # Room for the study, and none for who takes as much again.
    monkeypatch.setenv("RAY_memory_usage_threshold", str(1 - (memory.available - 6 * GIB) / memory.total))
    process = start(*TINY, "--storage", str(tmp_path), "--name", "s")
    while not list(tmp_path.glob("s/trials/*/result.json")):
        assert process.poll() is None, process.communicate()
    with subprocess.Popen([sys.executable, "-c", HOG], stdout=subprocess.PIPE) as hog:
        assert hog.stdout is not None
        hog.stdout.readline()
        # Longer than the study pauses: the next Ray begins while memory is full.
        time.sleep(20)
        hog.kill()
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, out + err
    assert out.count("the study goes on from its checkpoints") >= 2
    assert results(tmp_path / "s") == results(undisturbed)
