"""A step for which memory does not suffice is tried again in smaller chunks; what can never fit says what would."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from tests.trainables.toy_run import (
    PAD,
    Reports,
    assert_same_gradient,
    free_passes,
    toy_config,
    toy_data,
    toy_encoder,
    toy_tokens,
)
from trainables.batches.planner import BatchPlanner
from trainables.encoders.model import Encoder
from trainables.encoders.registry import PRESETS
from trainables.encoders.tokens import TokenTable
from trainables.encoders.vocabulary import trim_vocabulary
from trainables.errors import UserError
from trainables.parallel.replicated import Replicated
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.storage import Folder
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import GradientEngine, Tokens
from trainables.training.out_of_memory import TooLargeStepError

DATA = toy_data()
TOKENS = toy_tokens(DATA)
TEXTS = 16
"""Of a batch."""
ACCELERATOR_ERROR = getattr(torch, "AcceleratorError", RuntimeError)
"""PyTorch has one of its own since 2.8."""


def limited(encoder, texts=None, tokens=None):
    """An encoder that runs out of memory above so many texts, or tokens of a text, of a forward pass."""

    def check(module, inputs):
        rows, width = inputs[0].shape
        if (texts and rows > texts) or (tokens and width > tokens):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    encoder.register_forward_pre_hook(check)
    return encoder


def loss_and_gradient(encoder, config, step=3):
    batch = BatchPlanner.of(DATA, config.batches, config.seed).batch(step, "cross")
    with free_passes():
        engine = GradientEngine(encoder, TOKENS, config, Replicated(config.compute, Worker()))
        loss = engine.add_gradient(batch, step)
    return loss, {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}, engine.chunks


@pytest.mark.parametrize(("fits", "asked", "chunks"), [(TEXTS, 1, 1), (10, 1, 2), (3, 1, 8), (3, 2, 8), (1, 1, TEXTS)])
def test_the_loss_and_gradient_are_those_of_the_whole_batch(fits, asked, chunks):
    expected = loss_and_gradient(toy_encoder(), toy_config(rectangles=1))
    config = toy_config(rectangles=1, gradient_accumulation=asked)
    found = loss_and_gradient(limited(toy_encoder(), texts=fits), config)
    assert found[2] == chunks
    torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=0)
    assert_same_gradient(found[1], expected[1])


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_what_a_failed_attempt_has_added_is_dropped(passes):
    """Memory runs out in one of the backward passes."""
    expected = loss_and_gradient(toy_encoder(), toy_config(gradient_accumulation=3))
    encoder, left = toy_encoder(), [passes]

    def fail(gradient):
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: ...")

    encoder.transformer.embeddings.word_embeddings.weight.register_hook(fail)
    found = loss_and_gradient(encoder, toy_config(gradient_accumulation=3))
    assert found[2] == 6
    torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=0)
    assert_same_gradient(found[1], expected[1])


class Together(Replicated):
    """Workers that wait for each other in every pass."""

    passes_together = True


@pytest.mark.parametrize(("asked", "more"), [(1, 2), (6, 12)])
def test_workers_that_wait_for_each_other_are_told_how_to_begin_again(asked, more):
    config = toy_config(rectangles=1, gradient_accumulation=asked)
    batch = BatchPlanner.of(DATA, config.batches, config.seed).batch(3, "cross")
    engine = GradientEngine(limited(toy_encoder(), texts=1), TOKENS, config, Together(config.compute, Worker()))
    with pytest.raises(TooLargeStepError, match=f"begin again with {more} chunks") as caught:
        engine.add_gradient(batch, 3)
    # As it travels between processes.
    assert deepcopy(caught.value).chunks == more


def test_workers_that_wait_for_each_other_and_have_a_text_each_are_not_begun_again():
    config = toy_config(rectangles=1)
    batch = BatchPlanner.of(DATA, config.batches, config.seed).batch(3, "cross")
    engine = GradientEngine(limited(toy_encoder(), tokens=1), TOKENS, config, Together(config.compute, Worker()))
    engine.chunks = TEXTS
    with pytest.raises(UserError, match=r"each of them holds one text: set encoder\.max_query_length") as caught:
        engine.add_gradient(batch, 3)
    assert not isinstance(caught.value, TooLargeStepError)


def failing_once(error):
    """An encoder whose first forward pass raises an error."""
    encoder, left = toy_encoder(), [error]

    def fail(module, inputs):
        if left:
            raise left.pop()

    encoder.register_forward_pre_hook(fail)
    return encoder


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        ACCELERATOR_ERROR("CUDA error: out of memory"),
        RuntimeError(
            "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other call"
        ),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=repr,
)
def test_memory_that_runs_out_has_many_faces(error):
    assert loss_and_gradient(failing_once(error), toy_config())[2] == 2


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError(),
        ACCELERATOR_ERROR("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"),
        distributed.DistBackendError("ncclUnhandledCudaError: Failed to CUDA calloc async 24 bytes"),
        distributed.DistBackendError("Process group watchdog thread terminated with: CUDA error: out of memory"),
    ],
    ids=repr,
)
def test_other_errors_are_none_of_memory_and_no_step_is_tried_again(error):
    with pytest.raises(type(error)):
        loss_and_gradient(failing_once(error), toy_config())


class Stopped(Exception):  # noqa: N818
    pass


class Stopping(Reports):
    def report(self, report):
        super().report(report)
        raise Stopped


def test_a_run_says_when_it_had_to_and_goes_on_so_after_an_interruption(tmp_path):
    config = toy_config(rectangles=1, checkpoint_every=2, report_every=6)

    def run(encoder, sink, folder):
        return fine_tune(config, DATA, TOKENS, encoder, sink=sink, checkpoints=Folder(tmp_path / folder))

    whole = limited(toy_encoder(), texts=5)
    expected = run(whole, Reports(), "whole")
    assert expected.rechunked == {0: 4}
    with pytest.raises(Stopped):
        run(limited(toy_encoder(), texts=5), Stopping(), "interrupted")
    # Enough memory after the restart: what is computed must not change in the middle of a run.
    resumed = toy_encoder(seed=1)
    assert run(resumed, Reports(), "interrupted").rechunked == {0: 4}
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def long_texts(length):
    """Token ids in which every text is so long."""
    count = len(DATA.texts)
    ids = np.random.default_rng(0).integers(2, 32, count * length, dtype=np.int32)
    table = TokenTable(ids, np.arange(count + 1, dtype=np.int64) * length)
    return Tokens(table, table, PAD)


def decoder(width=16, layers=1):
    config = PRESETS["mini-decoder-xs"].config.model_copy(update={"layers": layers, "width": width, "heads": 2})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder(config.transformer(40, PAD), config).train()


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (100, r"One text of 120 tokens does not fit .* one of 60 does: set encoder.max_query_length .* at most 60"),
        (20, r"one of 15 does: set encoder.max_query_length and encoder.max_passage_length to at most 15"),
        (5, r"none of 8 does: train adapters .* shard the weights .* or choose a smaller encoder"),
    ],
)
def test_a_text_that_never_fits_ends_the_run_with_a_length_that_was_tried(tokens, said):
    encoder = limited(decoder(), tokens=tokens)
    with pytest.raises(UserError, match=said):
        fine_tune(toy_config(), DATA, long_texts(120), encoder, sink=Reports())


def test_a_text_is_tried_with_an_id_that_a_trimmed_vocabulary_has():
    encoder = decoder()
    long = long_texts(120)
    trim_vocabulary(encoder, np.unique([PAD, *range(4, 32)]))
    ids = np.maximum(long.queries.ids, 4)
    table = TokenTable(ids, long.queries.offsets)
    with pytest.raises(UserError, match=r"One text of 120 tokens does not fit .* one of 60 does"):
        fine_tune(toy_config(), DATA, Tokens(table, table, PAD), limited(encoder, tokens=100), sink=Reports())


def test_moments_that_do_not_fit_end_the_run_in_a_sentence(monkeypatch):
    def step(self):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    for options, said in (
        ({}, r"shard the weights over workers \(--set compute\.parallel=sharded\), or choose a smaller encoder"),
        ({"precision": "bfloat16"}, r"\.parallel=sharded --set compute\.evaluation_precision=bfloat16\), or"),
        ({"compile": True}, r"train adapters \(encoder\.lora\.rank\), or choose a smaller encoder"),
    ):
        with pytest.raises(UserError, match=rf"moments of the optimiser do not fit .*{said}"):
            fine_tune(toy_config(**options), DATA, TOKENS, toy_encoder(), sink=Reports())


def test_sharded_weights_cannot_be_tried_again_and_say_how_many_chunks_would():
    parallel = parallel_of(toy_config(parallel="sharded").compute, Worker())
    try:
        encoder = limited(parallel.place(toy_encoder), texts=3)
        config = toy_config(parallel="sharded", gradient_accumulation=2)
        with pytest.raises(TooLargeStepError, match=r"batch of 8 pairs, .* in 2 chunks, .* again with 4 chunks"):
            fine_tune(config, DATA, TOKENS, encoder, sink=Reports())
    finally:
        distributed.destroy_process_group()


LIMITED_CHILD = """
import json, resource, sys
from tests.trainables.training.test_out_of_memory import DATA, decoder, long_texts
from tests.trainables.toy_run import toy_config
from trainables.batches.planner import BatchPlanner
from trainables.parallel.replicated import Replicated
from trainables.parallel.worker import Worker
from trainables.training.gradient import GradientEngine
import torch

def held():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()

torch.set_num_threads(1)
config = toy_config(batch_size=24)
encoder = decoder(width=128, layers=2)
batch = BatchPlanner.of(DATA, config.batches, 0).batch(3, "cross")
engine = GradientEngine(encoder, long_texts(120), config, Replicated(config.compute, Worker()))
losses = []
for megabytes in map(int, sys.argv[1:]):
    resource.setrlimit(resource.RLIMIT_AS, (held() + (megabytes << 20), resource.RLIM_INFINITY))
    losses.append([float(engine.add_gradient(batch, 3)), engine.chunks])
print(json.dumps(losses))
"""


@pytest.mark.slow
def test_a_real_limit_of_memory_is_met_with_more_chunks_and_the_same_loss():
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-c", LIMITED_CHILD, "4000", "60"]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert child.returncode == 0, child.stderr
    (whole, one), (again, several) = json.loads(child.stdout)
    assert one == 1 < several
    assert again == pytest.approx(whole, rel=1e-6)
