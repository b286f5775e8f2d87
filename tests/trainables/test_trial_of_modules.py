"""Whole trials of encoders that are no single transformer: trained, cut off, kept and measured like any other."""

import importlib.util
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch

from tests.trainables.encoders.layouts import static_folder
from tests.trainables.toy_trial import numbers, toy_inputs, toy_trial
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.encoders.base import EncoderConfig
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.encode import encode
from trainables.inputs import TrialInputs, prepare_inputs
from trainables.measurement import Job, run_measurement, texts_to_time
from trainables.parallel.worker import Worker
from trainables.records import RESULT, Report, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.report_log import ReportLog
from trainables.trial import ENCODER, TrialOptions, run_trial

pytestmark = pytest.mark.slow


USUAL = TrialOptions()


@cache
def _encoder(name: str) -> EncoderConfig:
    folder = Path(mkdtemp()) / name
    assert name == "static"
    static_folder(folder, toy_inputs().of(resolve_encoder("mini-xs")).texts.tokenizer)
    return resolve_encoder(str(folder))


@cache
def _inputs(name: str) -> TrialInputs:
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:200]})
    dev = load_benchmark(EMBEDDED, "dev")
    encoder = _encoder(name)
    return prepare_inputs([encoder], data, dev, [dev]).of(encoder)


def _trial(name: str, **options: object) -> TrialRecord:
    usual = {"encoder": _encoder(name), "optimiser.learning_rate": 0.05, "compute.gradient_accumulation": 2}
    return toy_trial(**{"phase": "confirm", **usual, **options})


def _run(name: str, trial: TrialRecord, folder: Path, options: TrialOptions = USUAL) -> Result:
    run_trial(trial, _inputs(name), Folder(folder), Worker(), options)
    return read_sealed(Folder(folder), RESULT, Result)


NAMES = ("static",)
each = pytest.mark.parametrize("name", NAMES)


@each
@pytest.mark.parametrize("trim", [False, True])
def test_it_learns_and_what_is_kept_has_the_vectors_that_were_judged(tmp_path: Path, name: str, trim: bool) -> None:
    before = _run(name, _trial(name, steps=0), tmp_path / "before")
    options = TrialOptions(keep_encoder=True, hold=True)
    trial = _trial(name, steps=120, **{"compute.trim_vocabulary": trim})
    found = _run(name, trial, tmp_path / "trained", options)
    assert found.metrics["dev/monolingual/map"] > before.metrics["dev/monolingual/map"] + 0.05
    kept = tmp_path / "trained" / ENCODER
    config = resolve_encoder(str(kept))
    tokenizer = config.tokenizer([])
    encoder, benchmark = config.build(tokenizer, seed=0), load_benchmark(EMBEDDED, "dev")
    table = tokenise(benchmark.query_texts[:50], tokenizer, config.query_prefix, config.max_query_length)
    judged = np.load(tmp_path / "trained" / "held" / f"{benchmark.name}.queries.npy")[:50]
    np.testing.assert_allclose(encode(encoder, table, pad_id=tokenizer.pad_token_id), judged, atol=1e-5)
    if importlib.util.find_spec("sentence_transformers") is None:
        return
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(kept), device="cpu").encode_query(list(benchmark.query_texts[:50]))
    np.testing.assert_allclose(theirs, judged, atol=1e-5)


@each
def test_it_goes_on_where_it_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    trial = _trial(name)
    whole = _run(name, trial, tmp_path / "whole")
    monkeypatch.setattr(ReportLog, "report", _cut_off)
    with pytest.raises(KeyboardInterrupt):
        _run(name, trial, tmp_path / "cut")
    monkeypatch.undo()
    assert numbers(_run(name, trial, tmp_path / "cut")) == numbers(whole)


def _cut_off(log: ReportLog, report: Report) -> bool:
    if report.step > 4:
        raise KeyboardInterrupt
    return False


@each
def test_it_is_measured(tmp_path: Path, name: str) -> None:
    trial = _trial(name)
    result = _run(name, trial, tmp_path, TrialOptions(hold=True))
    config = EfficiencyConfig(queries=80, timed_queries=6, repetitions=1, batch_sizes=(1, 2), lengths=(8,))
    texts = texts_to_time([load_benchmark(EMBEDDED, "dev")], config)
    job, device = Job("t", trial, 0, False, 0), torch.device("cpu")
    record = run_measurement(job, config, _inputs(name).texts, texts, Folder(tmp_path), device=device, threads=1)
    ((benchmark, found),) = record.benchmarks.items()
    assert {"encode/texts/1x8", "query/encode/p50"} <= found.numbers.keys()
    assert found.numbers["vectors/whole/map"] == pytest.approx(
        result.metrics[f"{benchmark}/multilingual/map"], abs=1e-6
    )
