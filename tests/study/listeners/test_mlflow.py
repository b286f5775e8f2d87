"""A run per trial in MLflow, through its real client and a store on disk."""

from pathlib import Path

import pytest

from study.listeners.mlflow import MLflow
from tests.study.listeners.story import OUTCOME, TRIAL, report_at

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed (pip install '.[mlflow]')")
pytest.importorskip("mlflow.store.tracking.sqlalchemy_store", reason="mlflow's client is installed, but no store")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(None)


def test_a_trial_that_goes_on_keeps_its_run_and_no_point_is_there_twice(tmp_path: Path) -> None:
    first = MLflow("mine", "1a2b", tmp_path)
    first.reported(TRIAL, report_at(2))
    first.close()
    second = MLflow("mine", "1a2b", tmp_path)
    for step in (2, 4):
        second.reported(TRIAL, report_at(step))
    second.ended(TRIAL, OUTCOME)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    assert run.info.run_name == TRIAL.id
    assert run.info.status == "FINISHED"
    assert (run.data.tags["branch"], run.data.tags["phase"], run.data.tags["status"]) == (
        "linear",
        "search",
        "complete",
    )
    assert run.data.params["optimiser.learning_rate"] == "0.001"
    assert run.data.metrics["dev/multilingual/recall_at_10"] == 0.5
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == [2, 4]


def test_two_studies_of_one_name_share_no_run(tmp_path: Path) -> None:
    for identity, steps in (("1a2b", (2, 4)), ("3c4d", (2, 4, 6))):
        listener = MLflow("mine", identity, tmp_path)
        for step in steps:
            listener.reported(TRIAL, report_at(step))
        listener.ended(TRIAL, OUTCOME)
    client = mlflow.MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    told = {run.data.tags["study"]: client.get_metric_history(run.info.run_id, "loss") for run in runs}
    assert {study: [point.step for point in points] for study, points in told.items()} == {
        "1a2b": [2, 4],
        "3c4d": [2, 4, 6],
    }
