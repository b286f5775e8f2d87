"""A run per trial in Weights & Biases, offline, through its real client."""

from pathlib import Path

import pytest

from study.listeners.wandb import WeightsAndBiases
from tests.study.listeners.story import OUTCOME, TRIAL, report_at

pytest.importorskip("wandb", reason="wandb is not installed (pip install '.[wandb]')")


def test_two_trials_at_a_time_are_two_offline_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    listener = WeightsAndBiases("mine", tmp_path)
    other = TRIAL.model_copy(update={"id": "search-linear-001"})
    for step in (2, 4):
        listener.reported(TRIAL, report_at(step))
        listener.reported(other, report_at(step))
    listener.ended(TRIAL, OUTCOME)
    listener.close()
    runs = sorted(path for path in (tmp_path / "wandb").iterdir() if path.name.startswith("offline-run-"))
    assert len(runs) == 2
    assert all(list(run.glob("run-*.wandb")) for run in runs)
