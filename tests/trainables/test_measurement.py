"""What a confirm trial leaves for the measure phase, and what a measurement makes of it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainables.toy_trial import ENCODER, run_toy_trial, toy_inputs, toy_trial
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.encoders.adapters import LoraConfig
from trainables.encoders.averaging import average_of_folders
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.held import HELD, held_embeddings, held_encoder, hold_encoder
from trainables.evaluation.efficiency.records import MEASURED_ONCE, MeasurementRecord
from trainables.evaluation.efficiency.registry import efficiency_record
from trainables.evaluation.encode import encode
from trainables.measurement import Job, run_measurement, texts_to_time
from trainables.records import Result
from trainables.storage import Folder
from trainables.trial import TrialOptions

pytestmark = pytest.mark.slow

TRIAL = toy_trial(phase="confirm", **{"compute.trim_vocabulary": True})
CONFIG = EfficiencyConfig(
    queries=80, timed_queries=6, repetitions=1, batch_sizes=(1, 2), lengths=(8, 10_000), measures=("map",)
)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("trial")
    return folder, run_toy_trial(TRIAL, folder, TrialOptions(hold=True))


def measured(folder: Path, order: int, config: EfficiencyConfig = CONFIG) -> MeasurementRecord:
    return run_measurement(
        Job(f"t-{order}", TRIAL, order, False, 0),
        config,
        toy_inputs().of(ENCODER).texts,
        texts_to_time([load_benchmark(EMBEDDED, "dev")], config),
        Folder(folder),
        device=torch.device("cpu"),
        threads=1,
    )


@pytest.fixture(scope="module")
def rounds(held: tuple[Path, Result]) -> list[MeasurementRecord]:
    return [measured(held[0], order) for order in (0, 0, 1)]


def test_what_is_held_is_deleted_later_and_therefore_not_sealed(held: tuple[Path, Result]) -> None:
    folder, result = held
    assert (folder / HELD).is_dir()
    assert not [name for name in result.files if name.startswith(HELD)]


def test_a_search_trial_leaves_nothing(tmp_path: Path) -> None:
    run_toy_trial(toy_trial(), tmp_path, TrialOptions(hold=True))
    assert not (tmp_path / HELD).exists()


def test_the_encoder_that_is_held_is_the_one_that_was_judged(held: tuple[Path, Result]) -> None:
    texts = toy_inputs().of(ENCODER).texts
    name = texts.tests[0].benchmark.name
    queries, candidates = held_embeddings(held[0] / HELD, name)
    encoder = held_encoder(held[0] / HELD, TRIAL.config, texts.tokenizer)
    again = encode(encoder, texts.tests[0].candidates, pad_id=texts.tokenizer.pad_token_id)
    assert np.abs(again - candidates).max() < 1e-5
    assert len(queries) == len(texts.tests[0].queries)


def test_a_measurement_finds_the_quality_that_the_trial_has(
    held: tuple[Path, Result], rounds: list[MeasurementRecord]
) -> None:
    ((name, found),) = rounds[0].benchmarks.items()
    assert found.numbers["vectors/whole/map"] == pytest.approx(held[1].metrics[f"{name}/multilingual/map"], abs=1e-6)


def test_numbers_that_no_machine_changes_repeat(rounds: list[MeasurementRecord]) -> None:
    known = efficiency_record(CONFIG).numbers
    ((_, first),), ((_, again),), ((_, other),) = (one.benchmarks.items() for one in rounds)
    assert first.numbers.keys() <= known.keys()
    untimed = {name for name in first.numbers if not known[name].is_timed}
    assert {name: first.numbers[name] for name in untimed} == {name: again.numbers[name] for name in untimed}
    once = {name for name in first.numbers if known[name].part in MEASURED_ONCE}
    assert once == first.numbers.keys() - other.numbers.keys(), "reports rely on it"


def test_a_length_that_the_encoder_does_not_read_and_a_percentile_of_few_queries_are_missing(
    rounds: list[MeasurementRecord],
) -> None:
    ((_, found),) = rounds[0].benchmarks.items()
    assert {"encode/texts/1x8", "encode/tokens/2x8", "query/encode/p50", "query/total/p50"} <= found.numbers.keys()
    assert not [name for name in found.numbers if "10000" in name or name.endswith(("p95", "p99"))]
    assert found.numbers["encode/tokens/2x8"] == pytest.approx(8 * found.numbers["encode/texts/2x8"])


def test_a_trial_that_left_nothing_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        measured(tmp_path, 0)


def test_a_query_that_cannot_be_searched_as_it_must_be_has_no_total(held: tuple[Path, Result]) -> None:
    # A graph with so few links is not connected.
    poor = CONFIG.model_copy(update={"links": 2, "construction": 1, "recalls": (1.0,), "recall": 1.0})
    ((_, found),) = measured(held[0], 0, poor).benchmarks.items()
    assert "hnsw/distances@1" not in found.numbers
    assert {"query/tokenise/p50", "query/encode/p50"} <= found.numbers.keys()
    assert not [name for name in found.numbers if name.startswith(("query/search", "query/total"))]


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
def test_the_average_of_adapters_is_held_without_them(tmp_path: Path) -> None:
    tokenizer = toy_inputs().of(ENCODER).texts.tokenizer
    save_encoder(ENCODER.build(tokenizer, 0), tokenizer, tmp_path / "model")
    adapted = resolve_encoder(str(tmp_path / "model")).model_copy(update={"lora": LoraConfig(rank=2)})
    kept = [tmp_path / f"kept{seed}" for seed in (0, 1)]
    for seed, folder in enumerate(kept):
        encoder = adapted.build(tokenizer, seed)
        with torch.no_grad():
            for name, weight in encoder.named_parameters():
                if "lora_B" in name:
                    weight.normal_(generator=torch.Generator().manual_seed(seed))
        save_encoder(encoder, tokenizer, folder)
    mean, _ = average_of_folders(kept, (0.5, 0.5), adapted)
    hold_encoder(tmp_path, mean)
    config = toy_trial(**{"encoder": adapted, "steps": 0, "merging.cross_weight": 0.5}).config
    again = held_encoder(tmp_path, config, tokenizer)
    assert all(torch.equal(weight, again.get_parameter(name)) for name, weight in mean.named_parameters())
    # An arm beside it that is no average has them.
    hold_encoder(tmp_path, adapted.build(tokenizer, 0))
    assert any(
        "lora_" in name
        for name, _ in held_encoder(tmp_path, toy_trial(encoder=adapted).config, tokenizer).named_parameters()
    )
