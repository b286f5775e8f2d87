"""Two and four processes on one global batch against one process on the same batch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.trainables.parallel.worker_jobs import GRADIENTS, HELD_TRIAL, built, embeddings, encoded, gradient, training
from tests.trainables.toy_run import assert_same_gradient
from tests.trainables.toy_trial import toy_inputs, toy_trial
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.held import HELD, held_embeddings, held_encoder
from trainables.evaluation.encode import encode
from trainables.measurement import Job, run_measurement, texts_to_time
from trainables.parallel.worker import Worker
from trainables.records import RESULT, Result
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.loss import contrastive_loss
from trainables.trial import ENCODER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run_jobs(folder: Path, world: int) -> Path:
    """The folder in which so many processes did the jobs of worker_jobs.py."""
    command = [sys.executable, "-m", "tests.trainables.parallel.worker_jobs"]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(world), str(folder)], cwd=Path(__file__).parents[3], stderr=subprocess.PIPE
        )
        for rank in range(world)
    ]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors.decode()
    finally:
        for process in processes:
            process.kill()
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_jobs(tmp_path_factory.mktemp("two"), 2)


@pytest.fixture(scope="module")
def results_of_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_jobs(tmp_path_factory.mktemp("four"), 4)


@pytest.fixture(params=[2, 4])
def every(request: pytest.FixtureRequest) -> Path:
    """The folder of two, and of four workers."""
    return request.getfixturevalue({2: "results", 4: "results_of_four"}[request.param])


def tensors(folder: Path, job: str) -> list[dict[str, torch.Tensor]]:
    """What each worker found."""
    found = sorted((folder / job).glob("*.pt"))
    return [torch.load(path, weights_only=True) for path in found]


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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, torch.Tensor]]:
    """The gradients that one worker finds in one chunk and one rectangle, keeping what its layers compute."""
    folder, found = tmp_path_factory.mktemp("alone"), {}
    for name, options in GRADIENTS.items():
        kept = {key: value for key, value in options.items() if key in ("kind", "negatives", "symmetric", "mixing")}
        found[name] = gradient(Worker(), folder, **kept)
    return found


@pytest.mark.parametrize("parallel", ["", "-sharded"], ids=["replicated", "sharded"])
@pytest.mark.parametrize("name", GRADIENTS)
def test_loss_and_gradient_are_those_of_one_worker_in_one_rectangle(every, alone, name, parallel):
    expected = dict(alone[name])
    total = expected.pop("total")
    for worker in tensors(every, f"gradient-{name}{parallel}"):
        torch.testing.assert_close(worker.pop("total"), total, rtol=1e-6, atol=1e-6)
        assert_same_gradient(worker, expected, most=1e-6)


def test_adapters_alone_have_a_gradient(every):
    (names, *others) = [set(worker) - {"total"} for worker in tensors(every, "gradient-lora-sharded")]
    assert names
    assert all("lora_" in name for name in names)
    assert all(other == names for other in others)


def test_a_worker_holds_its_part_of_the_weights_and_all_have_those_of_the_first(results):
    for kind in ("toy", "lora", "t5", "decoder"):
        expected = built(kind, seed=0)
        workers = tensors(results, f"placed-{kind}")
        for worker in workers:
            # Single rows lie on one worker.
            assert float(worker.pop("share")) < 1.3 / len(workers)
            wanted = dict(expected.named_parameters(remove_duplicate=False)) | dict(expected.named_buffers())
            assert worker.keys() == wanted.keys()
            assert all(torch.equal(worker[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("kind", ["toy", "lora", "t5"])
def test_what_is_written_holds_the_parts_of_all_workers(every, kind):
    """A sharded LoRA of which one worker's part alone is saved looks right until it is used; tied weights stay tied."""
    first, *others = tensors(every, f"whole-{kind}")
    assert all(other == {} for other in others)
    reference = built(kind, seed=0)
    assert first.keys() == reference.state_dict().keys()
    for name, parameter in reference.named_parameters():
        if parameter.requires_grad:
            # The worker that held a row, from 1 on.
            rows = -(-len(parameter) // (len(others) + 1))
            worker = torch.arange(len(parameter)) // rows + 1
            assert torch.equal(first[name], torch.ones_like(parameter) * worker.view(-1, *[1] * (parameter.dim() - 1)))
        else:
            assert torch.equal(first[name], parameter), "frozen weights are those of the checkpoint"
    if kind == "t5":
        tied = [first[name] for name in first if name.endswith(("shared.weight", "embed_tokens.weight"))]
        assert len(tied) == 2
        assert torch.equal(*tied)


@pytest.mark.parametrize("kind", ["toy", "lora", "t5", "decoder"])
def test_files_of_a_sharded_encoder_are_to_the_byte_those_of_a_whole_one(results, kind, tmp_path):
    built(kind, seed=0).transformer.save_pretrained(tmp_path)
    (name,) = [path.name for path in tmp_path.glob("*.safetensors")]
    assert (results / f"kept-{kind}" / "kept" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_what_sharded_workers_leave_is_measured_as_the_encoder_that_was_judged(results, tmp_path):
    trial, left = toy_trial(phase="confirm", **HELD_TRIAL), Folder(results / "held" / "trial")
    texts = toy_inputs().of(trial.config.encoder).texts
    (test,) = texts.tests
    folder = left.local_path / HELD
    encoder = held_encoder(folder, trial.config, texts.tokenizer)
    for table, vectors in zip(
        (test.queries, test.candidates), held_embeddings(folder, test.benchmark.name), strict=True
    ):
        again = encode(encoder, table, pad_id=texts.tokenizer.pad_token_id)
        np.testing.assert_allclose(again, vectors, atol=1e-5)
    kept = load_file(left.local_path / ENCODER / "model.safetensors")
    assert len(kept) > 10
    for name, weights in kept.items():
        assert torch.equal(encoder.transformer.state_dict()[name], weights), name

    config = EfficiencyConfig(
        queries=80, timed_queries=6, repetitions=1, batch_sizes=(1,), lengths=(8,), measures=("map",)
    )
    queries = texts_to_time([load_benchmark(EMBEDDED, "dev")], config)
    job = Job("t-0", trial, 0, False, 0)
    record = run_measurement(job, config, texts, queries, left, device=torch.device("cpu"), threads=1)
    numbers = record.benchmarks[test.benchmark.name].numbers
    judged = read_sealed(left, RESULT, Result)
    assert judged.status == "complete"
    assert numbers["vectors/whole/map"] == pytest.approx(judged.metrics[f"{test.benchmark.name}/multilingual/map"])
    assert {"query/total/p50", "hnsw/distances@0.95"} <= numbers.keys()


def test_in_bfloat16_the_gradient_is_close_and_in_float32(results):
    whole, sharded = (tensors(results, f"gradient-bfloat16{parallel}")[0] for parallel in ("", "-sharded"))
    assert float(sharded["total"]) == pytest.approx(float(whole["total"]), rel=0.05)
    for name, gradient_of_whole in whole.items():
        assert sharded[name].dtype == torch.float32
        near = torch.cosine_similarity(sharded[name].flatten(), gradient_of_whole.flatten(), dim=0)
        assert near > 0.9 or gradient_of_whole.norm() < 1e-3


def test_where_one_worker_runs_out_of_memory_all_take_smaller_chunks(results, alone):
    for worker in tensors(results, "short-of-memory"):
        assert worker.pop("chunks") == 4
        torch.testing.assert_close(worker.pop("total"), alone["plain"]["total"], rtol=1e-6, atol=1e-6)
        assert_same_gradient(worker, {name: value for name, value in alone["plain"].items() if name != "total"})


@pytest.mark.parametrize("job", ["encoded", "encoded-sharded"])
def test_embeddings_are_to_the_bit_those_of_one_worker(every, job, tmp_path):
    expected = encoded(Worker(), tmp_path, {})
    first, *others = tensors(every, job)
    for when, vectors in expected.items():
        assert torch.equal(first[when], vectors)
        assert all(other[when].shape == (0, vectors.shape[1]) for other in others)


def test_embeddings_in_a_file_are_to_the_bit_those_of_one_worker(results, tmp_path):
    expected = encoded(Worker(), tmp_path, {}, large=True)
    for job in ("encoded-large", "encoded-large-sharded"):
        first, second = tensors(results, job)
        for when, vectors in expected.items():
            assert torch.equal(first[when], vectors)
            assert second[when].shape == (0, vectors.shape[1])


def test_a_training_ends_with_the_weights_and_reports_of_one_worker(results, tmp_path):
    alone = training(Worker(), tmp_path, {"evaluate_every": 6})
    lines = json.loads((tmp_path / "0.json").read_text())["lines"]
    for job in ("training", "training-sharded"):
        first, second = tensors(results, job)
        for name, value in alone.items():
            assert torch.equal(first[name], second[name])
            # Differences in the last digit grow over the steps of Adam.
            torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-3)
        for worker in told(results, job):
            assert len(worker["lines"]) == len(lines)
            for line, expected in zip(worker["lines"], lines, strict=True):
                assert numbers(line) == pytest.approx(numbers(expected), rel=1e-3)


def test_every_worker_evaluates_and_all_report_the_metrics_of_the_first(results):
    first, second = told(results, "training")
    assert (first["evaluations"], second["evaluations"]) == (2, 2)
    assert first["lines"] == second["lines"]
    assert [line["step"] for line in first["lines"] if line["dev"]] == [6, 12]


def test_the_first_worker_alone_decides_about_stopping_and_both_stop(results):
    """The second worker's sink asks to stop after step 4, the first one's after step 8."""
    for worker in told(results, "training-stopped"):
        assert (worker["summary"]["status"], worker["summary"]["steps"]) == ("pruned", 8)


@pytest.mark.parametrize("job", ["training-controlled", "training-sharded-controlled"])
def test_a_controller_sees_the_same_signals_on_both_workers(results, job):
    first, second = told(results, job)
    assert first["lines"] == second["lines"]
    assert first["summary"]["ratios"] == second["summary"]["ratios"]
    assert len(set(first["summary"]["ratios"])) > 6
    assert first["lines"][-1]["signals"]["dev/bias/rank_distance"] == 0.3


@pytest.mark.parametrize("job", ["training", "training-sharded", "training-sharded-lora"])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(results, job):
    for whole, resumed in zip(tensors(results, job), tensors(results, f"{job}-resumed"), strict=True):
        assert whole.keys() == resumed.keys()
        for name in whole:
            assert torch.equal(whole[name], resumed[name])
    for whole, resumed in zip(told(results, job), told(results, f"{job}-resumed"), strict=True):
        assert [line for line in whole["lines"] if line["step"] > 5] == resumed["lines"]


def test_another_number_of_workers_goes_on_from_the_parts_of_two_and_what_is_damaged_is_set_aside(
    results, no_process_group_is_left, tmp_path
):
    knobs = {"evaluate_every": 6, "checkpoint_every": 4, "parallel": "sharded"}
    expected, _ = tensors(results, "training-sharded")
    shutil.copytree(results / "training-sharded" / "checkpoint", tmp_path / "checkpoint")
    last = tmp_path / "checkpoint" / "000000012"
    parts = ["shard-00001-model-00001-of-00001.safetensors", "shard-00002-model-00001-of-00001.safetensors"]
    assert sorted(path.name for path in last.iterdir()) == [*parts, "state.json"]
    loaded = training(Worker(), tmp_path, knobs)
    assert json.loads((tmp_path / "0.json").read_text())["lines"] == [], "there was nothing left to do"
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())
    # Of the second worker's file.
    content = (last / parts[1]).read_bytes()
    (last / parts[1]).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    again = training(Worker(), tmp_path, knobs)
    assert (tmp_path / "checkpoint" / "damaged-000000012").is_dir()
    assert json.loads((tmp_path / "0.json").read_text())["lines"][0]["step"] > 8
    for name, value in expected.items():
        torch.testing.assert_close(again[name], value, rtol=1e-4, atol=1e-4)


def test_values_of_the_first_worker_and_sums_reach_every_worker(results):
    for worker in tensors(results, "shared"):
        assert worker["sum"].tolist() == [2.0, 1.0]
