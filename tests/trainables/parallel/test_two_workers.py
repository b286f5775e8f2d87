"""Two processes on one global batch against one process on the same batch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainables.parallel.worker_jobs import embeddings, gradient, training
from tests.trainables.toy_run import assert_same_gradient
from trainables.parallel.worker import Worker
from trainables.training.loss import contrastive_loss

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    """The folder in which two processes did all the jobs of worker_jobs.py."""
    folder = tmp_path_factory.mktemp("workers")
    command = [sys.executable, "-m", "tests.trainables.parallel.worker_jobs"]
    processes = [
        subprocess.Popen([*command, str(rank), str(folder)], cwd=Path(__file__).parents[3], stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=200)
            assert process.returncode == 0, errors.decode()
    finally:
        for process in processes:
            process.kill()
    return folder


def tensors(folder: Path, job: str) -> list[dict[str, torch.Tensor]]:
    return [torch.load(folder / job / f"{rank}.pt", weights_only=True) for rank in range(2)]


def told(folder: Path, job: str) -> list[dict]:
    return [json.loads((folder / job / f"{rank}.json").read_text()) for rank in range(2)]


def numbers(line: dict) -> dict[str, float]:
    """The numbers of a report, dev metrics among them."""
    return {name: value for name, value in {**line, **(line["dev"] or {}), "dev": None}.items() if value is not None}


@pytest.mark.parametrize(("job", "negatives", "symmetric"), [("loss", 0, False), ("loss-negatives-symmetric", 2, True)])
def test_loss_and_gradient_of_the_embeddings_are_those_of_one_worker(results, job, negatives, symmetric):
    whole = [None if t is None else t.requires_grad_() for t in embeddings(negatives)]
    expected = contrastive_loss(whole[0], whole[1], 0.05, negatives=whole[2], symmetric=symmetric)
    expected.backward()
    first, second = tensors(results, job)
    assert first["total"] == second["total"]
    torch.testing.assert_close(first["total"], expected.detach(), rtol=1e-6, atol=1e-6)
    for name, tensor in zip(("queries", "passages", "negatives"), whole, strict=True):
        if tensor is not None:
            torch.testing.assert_close(torch.cat([first[name], second[name]]), tensor.grad, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("job", "symmetric", "negatives"),
    [
        ("gradient", False, False),
        ("gradient-chunks-symmetric", True, False),
        ("gradient-negatives", False, True),
        ("gradient-negatives-chunks", True, True),
        ("gradient-rectangles", True, True),
        ("gradient-rectangles-chunks", False, True),
    ],
)
def test_loss_and_gradient_of_the_weights_are_those_of_one_worker_in_one_rectangle(
    results, job, symmetric, negatives, tmp_path
):
    alone = gradient(Worker(), tmp_path, chunks=1, symmetric=symmetric, negatives=negatives)
    for worker in tensors(results, job):
        torch.testing.assert_close(worker.pop("total"), alone["total"], rtol=1e-6, atol=0)
        assert_same_gradient(worker, {name: value for name, value in alone.items() if name != "total"})


def test_a_training_ends_with_the_weights_and_reports_of_one_worker(results, tmp_path):
    alone = training(Worker(), tmp_path, {"evaluate_every": 6})
    first, second = tensors(results, "training")
    for name, value in alone.items():
        assert torch.equal(first[name], second[name])
        # Differences in the last digit grow over the steps of Adam.
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-3)
    lines = json.loads((tmp_path / "0.json").read_text())["lines"]
    for worker in told(results, "training"):
        assert len(worker["lines"]) == len(lines)
        for line, expected in zip(worker["lines"], lines, strict=True):
            assert numbers(line) == pytest.approx(numbers(expected), rel=1e-3)


def test_only_the_first_worker_evaluates_and_all_report_its_metrics(results):
    first, second = told(results, "training")
    assert (first["evaluations"], second["evaluations"]) == (2, 0)
    assert first["lines"] == second["lines"]
    assert [line["step"] for line in first["lines"] if line["dev"]] == [6, 12]


def test_the_first_worker_alone_decides_about_stopping_and_both_stop(results):
    """The second worker's sink asks to stop after step 4, the first one's after step 8."""
    for worker in told(results, "training-stopped"):
        assert (worker["summary"]["status"], worker["summary"]["steps"]) == ("pruned", 8)


def test_a_controller_sees_the_same_signals_on_both_workers(results):
    first, second = told(results, "training-controlled")
    assert first["lines"] == second["lines"]
    assert first["summary"]["ratios"] == second["summary"]["ratios"]
    assert len(set(first["summary"]["ratios"])) > 6
    assert first["lines"][-1]["signals"]["dev/bias/rank_distance"] == 0.3


def test_an_interrupted_training_ends_like_an_uninterrupted_one(results):
    for whole, resumed in zip(tensors(results, "training"), tensors(results, "training-resumed"), strict=True):
        assert whole.keys() == resumed.keys()
        for name in whole:
            assert torch.equal(whole[name], resumed[name])
    for whole, resumed in zip(told(results, "training"), told(results, "training-resumed"), strict=True):
        assert [line for line in whole["lines"] if line["step"] > 5] == resumed["lines"]


def test_values_of_the_first_worker_and_sums_reach_every_worker(results):
    for worker in tensors(results, "shared"):
        assert worker["sum"].tolist() == [2.0, 1.0]
