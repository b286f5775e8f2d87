"""Memory, GPUs, hours and money of a trial, from a configuration and the lengths of texts."""

import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from study.cluster.resources import Resources
from study.cost.estimate import estimate
from study.cost.gpus import GPUS, Gpu
from study.cost.rental import Rental
from study.cost.worker import WorkerMemory
from study.run import main
from tests.trainables.encoders.layouts import static_folder
from tests.trainables.toy_run import toy_config
from trainables.encoders.base import EncoderConfig
from trainables.encoders.mini import MiniEncoder
from trainables.encoders.registry import PRESETS, resolve_encoder
from trainables.encoders.tokenizer import train_tokenizer
from trainables.encoders.tokens import TokenTable
from trainables.inputs import TokenisedBenchmark, TokenisedTexts
from trainables.training.config import OptimiserConfig
from trainables.training.optimiser import build_optimiser

TINY = MiniEncoder(name="tiny", layers=1, width=16, heads=2)
SMALL_GPU = Gpu("small-1.1", float32=1e12, bfloat16=2e12, watts=100)
"""Of which 25 MB are left for a step."""


def texts_of(tokens: int, used: int = 300) -> TokenisedTexts:
    """200 texts of so many tokens, as queries and as passages, in which only some pieces stand."""
    tokenizer = train_tokenizer([f"text {number} about nothing at all" for number in range(100)], 1000)
    ids = np.resize(np.arange(3, 3 + min(used, len(tokenizer) - 3)), 200 * tokens).astype(np.int32)
    table = TokenTable(ids, np.arange(201) * tokens)
    benchmark: Any = None  # Nothing looks at it.
    return TokenisedTexts(tokenizer, table, table, TokenisedBenchmark(benchmark, table, table), ())


def trial(encoder: EncoderConfig = TINY, **options: Any):
    return toy_config(encoder=encoder, **{"batch_size": 64, "precision": "auto", **options})


def workers(count: int) -> Resources:
    return Resources(count, 1.0, 0.0, 1)


def test_what_does_not_fit_is_said_with_the_least_that_does():
    config, texts = trial(batch_size=1024), texts_of(20)
    found = estimate(config, texts, workers(1), rental=Rental(SMALL_GPU))
    assert "GiB of one small-1.1: does not fit on 1; it would with --workers-per-trial " in found.fit
    worker = WorkerMemory(config, texts, 0.0, gpu=SMALL_GPU, on_gpu=True)
    enough = int(re.findall(r"--workers-per-trial (\d+)", found.fit)[0])
    assert worker.fits(SMALL_GPU, enough, 1)
    assert not worker.fits(SMALL_GPU, enough // 2, 1)
    chunks = int(re.findall(r"--gradient-accumulation (\d+)", found.fit)[0])
    assert worker.fits(SMALL_GPU, 1, chunks)
    assert not worker.fits(SMALL_GPU, 1, chunks // 2)
    assert "does not fit" not in estimate(config, texts, workers(enough), rental=Rental(SMALL_GPU)).fit


WIDE = MiniEncoder(name="wide", layers=4, width=2048, heads=2)
"""Of which 3.2 GB of weights, gradients and moments are too much for a small GPU."""


@pytest.mark.slow
def test_sharding_is_said_where_the_trial_can_be_given_it():
    gpu = Gpu("small-3", float32=1e12, bfloat16=2e12, watts=100)
    old = Gpu("small-3", float32=1e12, bfloat16=None, watts=100)

    def fit(on: Gpu = gpu, workers_asked: int = 1, **options: Any) -> str:
        config = trial(WIDE, **options)
        return estimate(config, texts_of(20), workers(workers_asked), rental=Rental(on)).fit

    both = "--set compute.precision=bfloat16 --set compute.evaluation_precision=bfloat16"
    said = fit()
    assert f"it would with --set compute.parallel=sharded {both} --workers-per-trial " in said
    flags = dict(re.findall(r"--set compute\.(\w+)=(\w+)", said))
    count = int(re.findall(r"--workers-per-trial (\d+)", said)[0])
    assert "does not fit" not in fit(workers_asked=count, **flags)
    assert "sharded --set compute.precision=float32 --workers-per-trial " in fit(old)
    assert fit(compile=True).endswith("nothing but a larger GPU would make it fit")
    # Where weights are sharded already, more workers are.
    assert fit(**flags).endswith(f"it would with --workers-per-trial {count}")


def test_more_workers_than_needed_are_said():
    found = estimate(trial(), texts_of(20), workers(4), rental=Rental(GPUS["a100-80"]))
    assert found.fit.endswith("GiB of one a100-80: fits on 4; 1 would be enough")


def test_a_step_that_fits_nowhere_is_said():
    tiny = Gpu("none-1", float32=1e12, bfloat16=2e12, watts=100)
    found = estimate(trial(), texts_of(20), workers(1), rental=Rental(tiny))
    assert found.fit.endswith("nothing but a larger GPU would make it fit")


def test_seconds_follow_from_operations_and_the_speed_that_is_said():
    config, texts = trial(steps=1000), texts_of(20)

    updates = 1000 * TINY.shape(len(texts.tokenizer)).trained * 3.5e-9

    def seconds(count: int = 1, flops: str = "1e9", of: Any = config) -> float:
        return estimate(of, texts, workers(count), rental=Rental.of({"flops": flops})).trial_seconds - 1 - updates

    once = seconds()
    assert seconds(flops="2e9") == pytest.approx(once / 2)
    assert seconds(count=2) == pytest.approx(once / 2)
    body = TINY.shape(len(texts.tokenizer)).parameters - TINY.shape(len(texts.tokenizer)).embeddings
    per_pair = 2 * (6 * body * 20 + 12 * 16 * 20**2)
    evaluated = 400 * (2 * body * 20 + 4 * 16 * 20**2)
    assert once == pytest.approx((1000 * 64 * per_pair + evaluated) / 1e9)
    # Cached gradients: all chunks but the last are encoded twice.
    assert 1.2 < seconds(of=trial(steps=1000, gradient_accumulation=64)) / once < 4 / 3


def test_steps_of_a_table_without_layers_take_the_time_of_its_optimiser(tmp_path):
    texts = texts_of(20)
    folder = static_folder(tmp_path / "table", texts.tokenizer, 64, 40_000)
    config = resolve_encoder(str(folder))
    asked = trial(config, steps=1000, trim_vocabulary=False)
    planned = estimate(asked, texts, workers(1), rental=Rental.of({"flops": "1e12"})).trial_seconds - 1
    table = torch.nn.Parameter(torch.zeros(40_000, 64))
    optimiser = build_optimiser({"table": table}, OptimiserConfig(learning_rate=0.01))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(5):
        start = time.process_time()
        torch.nn.functional.embedding(torch.arange(100), table).sum().backward()
        torch.nn.utils.clip_grad_norm_([table], 1.0)
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.process_time() - start)
    torch.set_num_threads(threads)
    # Speeds of processors differ.
    assert 0.2 < planned / (1000 * min(times)) < 5


def test_a_trimmed_vocabulary_is_not_held():
    whole, trimmed = (
        estimate(trial(trim_vocabulary=on), texts_of(20, used=10), workers(1)).step for on in (False, True)
    )
    assert trimmed.optimiser < whole.optimiser
    assert trimmed.weights < whole.weights


@pytest.mark.slow
@pytest.mark.parametrize("on_gpu", [False, True])
def test_packed_texts_are_not_planned_as_if_they_were_equally_long(on_gpu: bool):
    equal = texts_of(20)
    lengths = np.resize([1] * 19 + [381], 200)
    table = TokenTable(equal.queries.ids, np.concatenate([[0], np.cumsum(lengths)]))
    uneven = replace(equal, queries=table, passages=table)
    config = trial(packing="on", precision="bfloat16" if on_gpu else "float32")
    gpu = GPUS["a100-80"] if on_gpu else None

    def activations(texts: TokenisedTexts) -> float:
        return WorkerMemory(config, texts, 0.0, gpu=gpu, on_gpu=on_gpu).peak(1, 1).activations

    assert activations(uneven) > 1.5 * activations(equal)


def test_a_preset_is_planned_with_the_embeddings_that_a_stand_in_for_its_tokenizer_uses():
    texts = texts_of(20)
    used = len(texts.pieces())
    assert 2 * used > len(texts.tokenizer)
    auto, whole = (
        WorkerMemory(trial(PRESETS["multilingual-e5-small"].config, **options), texts, 0.0, gpu=None, on_gpu=False)
        for options in ({}, {"trim_vocabulary": False})
    )
    assert auto.shape.embeddings == used * auto.shape.width
    assert whole.shape.embeddings > 200_000 * whole.shape.width


def test_a_gpu_without_bfloat16_computes_in_float32():
    config, texts = trial(), texts_of(20)
    old, new = (estimate(config, texts, workers(1), rental=Rental(GPUS[name])) for name in ("t4-16", "a100-80"))
    assert old.step.activations > new.step.activations
    assert old.flops == pytest.approx(0.15 * 8.1e12)


@pytest.mark.nightly
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_planned_from_its_facts(name: str):
    found = estimate(trial(PRESETS[name].config), texts_of(20), workers(1), rental=Rental(GPUS["h200-141"]))
    assert found.step.weights == 4 * found.shape.parameters
    assert found.step.optimiser == 8 * found.shape.parameters
    assert found.step.total > 12 * found.shape.parameters
    assert "fit" in found.fit


@pytest.mark.slow
def test_a_preset_that_is_not_here_is_planned_on_gpus_that_are_not_here(tmp_path, capsys):
    asked = ["--model", "xlm-r-xl", "--arms", "X-X-mono,X-Y", "--trials", "1", "--seeds", "3", "--dry-run"]
    assert main([*asked, "--gpu", "a100-40", "--price", "2", "--flops", "40%", "--storage", str(tmp_path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "xlm-r-xl (3,481,600,000 parameters)" in said or "xlm-r-xl (3,4" in said
    assert "GiB of one a100-40: does not fit on 1; it would with " in said
    both = "--set compute.precision=bfloat16 --set compute.evaluation_precision=bfloat16"
    assert f"--set compute.parallel=sharded {both} --workers-per-trial " in said
    assert "at 1.25e+14 FLOP/s" in said
    assert "at 2 an hour, at most" in said
    assert "not checked the weights of xlm-r-xl, which are not on this machine" in said
    assert not list(tmp_path.iterdir())
