"""A trial of an encoder of images, from its inputs to its metrics."""

from pathlib import Path

import numpy as np
import pytest

from trainables.config import TrialConfig
from trainables.corpora.pair_files import Asked
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.training_sets import read_training
from trainables.encoders.registry import resolve_encoder
from trainables.inputs import prepare_inputs
from trainables.parallel.worker import Worker
from trainables.records import RESULT, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.trial import TrialOptions, run_trial

CONFIG = TrialConfig.model_validate(
    {
        "encoder": "mini-image-xs",
        "ratio": "linear(1, 0)",
        "steps": 4,
        "batches": {"size": 8},
        "loss": {"symmetric": True},
        "optimiser": {"learning_rate": 0.004},
        "compute": {"trim_vocabulary": True, "gradient_accumulation": 2},
    }
)


@pytest.mark.slow
def test_images_are_trained_on_judged_in_both_directions_and_kept(tmp_path: Path) -> None:
    sets = read_training(["pictograms"], None, Asked())
    data = training_data({"pictograms": sets["pictograms"].items[:200]}, [sets["pictograms"].images])
    dev = load_benchmark("pictograms-image-to-text", "dev")
    tests = [load_benchmark(f"pictograms-{one}:de,en", "test") for one in ("text-to-image", "image-to-text")]
    inputs = prepare_inputs([CONFIG.encoder], data, dev, tests).of(CONFIG.encoder)
    assert inputs.texts.pixels is not None
    trial = TrialRecord(id="mine", phase="confirm", branch="linear", number=0, config=CONFIG)
    folder = Folder(tmp_path / "one")
    run_trial(trial, inputs, folder, Worker(), TrialOptions(keep_encoder=True))
    result = read_sealed(folder, RESULT, Result)
    assert result.status == "complete"
    settings = {name.rsplit("/", 1)[0] for name in result.metrics if name.count("/") == 2}
    assert {
        "dev/cross-lingual",
        "dev/multilingual",
        "dev/bias",
        "pictograms-text-to-image:de,en/cross-lingual",
        "pictograms-image-to-text:de,en/multilingual",
        "pictograms-image-to-text:de,en/bias",
    } <= settings
    assert result.batches is not None
    assert result.batches.false_negatives == 0
    assert set(result.batches.languages) <= set(data.languages)
    kept = resolve_encoder(str(tmp_path / "one" / "encoder"))
    assert kept.reads_images
    reader, original = kept.image_reader(), CONFIG.encoder.image_reader()
    assert (reader.shape, reader.tokens) == (original.shape, original.tokens)
    assert np.isfinite(list(result.metrics.values())).all()
