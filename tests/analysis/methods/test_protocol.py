"""The methods paragraph says what the records say."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.facts.facts import Facts
from analysis.methods.protocol import protocol
from analysis.wording import listed
from study.study_folder import open_study
from tests.analysis.conftest import FEW_ARMS, edit, train_otherwise


def text_of(*folders):
    return " ".join(part for part in protocol(Facts.of(map(str, folders))) if part)


@pytest.fixture(scope="module")
def written(tmp_path_factory, write_study):
    arms = [replace(arm, same_as="X-Y") if arm.name == "best static" else arm for arm in FEW_ARMS]
    folder = write_study(
        tmp_path_factory.mktemp("studies"), arms=arms, questions=3, languages=("de", "en"), with_queries=False
    )
    edit(folder / "study.json", lambda info: info["settings"].update(sampler="tpe", search_seed=700_000))
    return folder


@pytest.fixture
def folder(tmp_path, written):
    return Path(shutil.copytree(written, tmp_path / written.name))


def test_encoder_training_search_and_what_was_chosen_are_said(folder):
    text = text_of(folder)
    trials = [trial for trial in open_study(str(folder)).trials if trial.phase == "search"]
    rates = {trial.config.optimiser.learning_rate for trial in trials}
    for words in (
        "The encoder was small (4,200,000 parameters), mean pooling, queries of up to 256 tokens, "
        "passages of up to 256 tokens.",
        "Every training took 200 steps of 48 pairs (9,600 pairs in all) with AdamW and InfoNCE",
        "temperature 0.05",
        "Best static turned out to be constant, value 0.3 (learning rate 0.002; the same training as X-Y); "
        "best dynamic turned out to be linear, start 0, end 0.8 (learning rate 0.002).",
        "Each of 4 families (X-X-mono, X-Y, static and linear) had 6 search trials, with its own learning rate "
        f"(from {min(rates):.4g} to {max(rates):.4g} in these trials), proposed by Optuna's TPE sampler with seed "
        "700000.",
        "chosen by the highest multilingual/map on dev data",
        "No search trial was stopped early.",
        "trained anew with 3 seeds",
    ):
        assert words in text


def test_early_stopping_is_said_with_how_many_trials_it_stopped(folder):
    edit(folder / "study.json", lambda info: info["settings"].update(early_stopping="halving"))
    assert "Successive halving stopped" in text_of(folder)
    assert "at the same step (4 of 24)" in text_of(folder)


def test_options_are_said_in_their_own_words(folder):
    options = {"loss.symmetric": True, "optimiser.decay": "cosine", "batches.draw": "bernoulli"}
    train_otherwise(folder, options)
    text = text_of(folder)
    assert (
        "temperature 0.05, in both directions, betas 0.9 and 0.999, weight decay 0.01, gradients clipped at norm 1, "
        "warm-up over 0.1 of the steps, a cosine-shaped learning rate; batches of both kinds drawn from one order of "
        "the items that can serve both; the kind of each batch drawn independently"
    ) in text


def test_explicit_negatives_are_said_where_batches_hold_any(folder):
    assert "hard negatives" not in text_of(folder)
    edit(folder / "study.json", lambda info: info["data"]["training"].update(items_with_negatives=12))
    assert "with explicit hard negatives of 12 items as further candidates of a batch." in text_of(folder)


def test_loss_mixing_is_said_to_split_every_batch(folder):
    assert "loss mixing" not in text_of(folder)
    train_otherwise(folder, {"batches.mixing": "loss"}, "confirm-best-dynamic-*")
    text = text_of(folder)
    assert "Every training took 200 steps of 48 pairs" in text
    assert "; loss mixing split every batch by the ratio into both kinds." in text


def test_one_is_said_in_the_singular(tmp_path, write_study):
    text = text_of(
        write_study(tmp_path, seeds=(1,), search_trials=1, languages=("de", "en"), questions=3, with_queries=False)
    )
    assert "had 1 search trial, " in text
    assert "with 1 seed that" in text
    assert "1 search trials" not in text


def test_studies_share_a_sentence_unless_it_differs(tmp_path, write_study):
    folders = [
        write_study(
            tmp_path, name=name, seeds=seeds, questions=3, languages=("de", "en"), search_trials=2, with_queries=False
        )
        for name, seeds in (("one", (1, 2)), ("two", (3, 4)))
    ]
    assert text_of(*folders).count("Every training took") == 1
    train_otherwise(folders[1], {"steps": 400})
    text = text_of(*folders)
    assert "one: Every training took 200 steps" in text
    assert "two: Every training took 400 steps" in text
    assert text.count("The encoder was") == 1


def test_items_with_commas_of_their_own_stay_apart():
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["best dynamic", "best dynamic, reversed", "X-Y"]) == "best dynamic; best dynamic, reversed; and X-Y"
