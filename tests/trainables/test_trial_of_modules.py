"""Whole trials of encoders that are no single transformer: trained, cut off, kept and measured like any other."""

import importlib.util
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch

from tests.trainables.encoders.layouts import dense_folder, modules_file, pooling_folder, router_file, static_folder
from tests.trainables.toy_trial import numbers, toy_inputs, toy_trial
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.encoders.base import EncoderConfig
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokenizer import of_passages
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
MINI = resolve_encoder("mini-xs")
RATES = {"static": 0.05, "static queries": 0.01, "dense layers": 0.004}
"""Learning rates by encoder; of those with a Router, queries are means of token vectors, or both sides have a layer."""


@cache
def _encoder(name: str) -> EncoderConfig:
    folder = Path(mkdtemp()) / "encoder"
    tokenizer = toy_inputs().of(MINI).texts.tokenizer
    if name == "static":
        static_folder(folder, tokenizer)
        return resolve_encoder(str(folder))
    transformer = "" if name == "dense layers" else "document_0_Transformer"
    save_encoder(MINI.build(tokenizer, seed=0), tokenizer, folder / transformer)
    for file in ("modules.json", "encoder.json"):
        (folder / transformer / file).unlink()
    if name == "static queries":
        static_folder(folder / "query_0_StaticEmbedding", tokenizer, MINI.width)
        pooling_folder(folder / "document_1_Pooling", MINI.width)
        document = ["document_0_Transformer", "document_1_Pooling"]
        router_file(folder, {"query": ["query_0_StaticEmbedding"], "document": document})
        modules_file(folder, ("Router", ""))
        return resolve_encoder(str(folder))
    for seed, layer in enumerate(("query_0_Dense", "document_0_Dense")):
        dense_folder(folder / "2_Router" / layer, 32, MINI.width, seed)
    router_file(folder / "2_Router", {"query": ["query_0_Dense"], "document": ["document_0_Dense"]})
    modules_file(folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Router", "2_Router"))
    return resolve_encoder(str(folder))


@cache
def _inputs(name: str) -> TrialInputs:
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:200]})
    dev = load_benchmark(EMBEDDED, "dev")
    encoder = _encoder(name)
    return prepare_inputs([encoder], data, dev, [dev]).of(encoder)


def _trial(name: str, **options: object) -> TrialRecord:
    usual = {"encoder": _encoder(name), "optimiser.learning_rate": RATES[name], "compute.gradient_accumulation": 2}
    return toy_trial(**{"phase": "confirm", **usual, **options})


def _run(name: str, trial: TrialRecord, folder: Path, options: TrialOptions = USUAL) -> Result:
    run_trial(trial, _inputs(name), Folder(folder), Worker(), options)
    return read_sealed(Folder(folder), RESULT, Result)


each = pytest.mark.parametrize("name", RATES)


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
    texts = {"queries": list(benchmark.query_texts[:50]), "candidates": list(benchmark.candidate_texts[:50])}
    judged = {side: np.load(tmp_path / "trained" / "held" / f"{benchmark.name}.{side}.npy")[:50] for side in texts}
    sides = {"queries": tokenizer, "candidates": of_passages(tokenizer)}
    lengths = {"queries": config.max_query_length, "candidates": config.max_passage_length}
    for side, own in sides.items():
        table = tokenise(texts[side], own, "", lengths[side])
        found = encode(encoder, table, pad_id=tokenizer.pad_token_id)
        np.testing.assert_allclose(found, judged[side], atol=1e-5)
    if importlib.util.find_spec("sentence_transformers") is None:
        return
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(kept), device="cpu")
    np.testing.assert_allclose(theirs.encode_query(texts["queries"]), judged["queries"], atol=1e-5)
    np.testing.assert_allclose(theirs.encode_document(texts["candidates"]), judged["candidates"], atol=1e-5)


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
