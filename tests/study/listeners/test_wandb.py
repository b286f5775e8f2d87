"""A run per trial in Weights & Biases, offline, through its real client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from study.listeners.wandb import WeightsAndBiases
from tests.study.listeners.story import OUTCOME, TRIAL, report_at

wandb = pytest.importorskip("wandb", reason="wandb is not installed (pip install '.[wandb]')")


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    yield
    # It knows the folder for as long as its service runs.
    wandb.teardown()


def test_two_trials_at_a_time_are_two_offline_runs(tmp_path: Path) -> None:
    listener = WeightsAndBiases("mine", "1a2b", tmp_path)
    other = TRIAL.model_copy(update={"id": "search-linear-001"})
    for step in (2, 4):
        listener.reported(TRIAL, report_at(step))
        listener.reported(other, report_at(step))
    listener.ended(TRIAL, OUTCOME)
    listener.close()
    runs = sorted(path for path in (tmp_path / "wandb").iterdir() if path.name.startswith("offline-run-"))
    assert len(runs) == 2
    assert all(list(run.glob("run-*.wandb")) for run in runs)


def test_a_trial_that_goes_on_has_the_run_that_it_had_and_that_of_another_study_of_the_name_has_not(
    tmp_path: Path,
) -> None:
    for identity in ("1a2b", "1a2b", "3c4d"):
        listener = WeightsAndBiases("mine", identity, tmp_path)
        listener.reported(TRIAL, report_at(2))
        listener.close()
    ids = {path.stem for path in tmp_path.glob("wandb/offline-run-*/run-*.wandb")}
    assert len(ids) == 2
