import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.docs.pages import DOCS
from tests.trainables.toy_run import CHAOS, toy_config
from tests.trainables.toy_trial import toy_trial
from trainables.config import TrialConfig
from trainables.encoders.routed import RoutedEncoder
from trainables.encoders.static import StaticEncoder
from trainables.options import patched
from trainables.training.remedies import smaller_model


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", -1),
        ("batches.size", 1),
        ("optimiser.learning_rate", 0),
        ("optimiser.learning_rate", float("nan")),
        ("optimiser.learning_rate", float("inf")),
        ("loss.temperature", 0),
        ("optimiser.warmup_share", 1),
        ("optimiser.warmup_share", -0.1),
        ("optimiser.weight_decay", -1),
        ("optimiser.gradient_clip", -1),
        ("optimiser.betas", (0.9, 1.0)),
        ("optimiser.betas", (0.9,)),
        ("compute.gradient_accumulation", 0),
        ("monitoring.reports", 0),
        ("monitoring.evaluations", 0),
        ("monitoring.checkpoints", -1),
        ("batches.language_temperature", 0),
        ("batches.last_language_temperature", 0),
        ("batches.set_weights", {"a": 0}),
        ("merging.cross_weight", 1.1),
        ("seed", -1),
        ("optimiser.decay", "sudden"),
        ("batches.mixing", "both"),
        ("batches.draw", "random"),
        ("compute.precision", "float16"),
        ("ratio", {"family": "constant", "value": 1.5}),
        ("ratio", {"family": "nothing"}),
        ("ratio", "constant(1, 2)"),
        ("encoder", "mini-z"),
        ("encoder", {"kind": "mini", "name": "x"}),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option, value):
    with pytest.raises(ValidationError) as caught:
        TrialConfig.model_validate(patched(toy_config().model_dump(), {option: value}))
    assert ".".join(map(str, caught.value.errors()[0]["loc"])).startswith(option)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"compute.precision": "auto"}, "precision is 'auto' and evaluation_precision 'float32': set both to float32"),
        ({"compute.precision": "bfloat16"}, "precision is 'bfloat16' and evaluation_precision 'float32'"),
        ({"compute.compile": True}, "set compile to false, or parallel to replicated"),
        ({"encoder.trust_remote_code": True}, "set encoder.trust_remote_code to false, or compute.parallel to"),
    ],
)
def test_what_does_not_go_with_sharded_weights_is_refused_by_name(options, sentence):
    values = {**toy_config().model_dump(), "compute": {"parallel": "sharded", "precision": "float32"}}
    assert TrialConfig.model_validate(values).compute.parallel == "sharded"
    with pytest.raises(ValidationError, match="parallel is 'sharded'") as caught:
        TrialConfig.model_validate(patched(values, options))
    assert sentence in str(caught.value)


TABLE = StaticEncoder(name="table", source="/table")
ROUTED = RoutedEncoder(
    name="routed", source="/routed", query={"kind": "static_embedding"}, passage={"kind": "hugging_face"}
)


@pytest.mark.parametrize(
    ("encoder", "options", "sentence"),
    [
        (
            TABLE,
            {"parallel": "sharded"},
            "parallel is sharded, but the encoder table has no layers .* set compute.parallel",
        ),
        (
            TABLE,
            {"compile": True},
            "compile is true, but the encoder table has no layers .* set compute.compile to false",
        ),
        (TABLE, {"activation_checkpointing": True}, "activation_checkpointing is true, but the encoder table has no"),
        (ROUTED, {"parallel": "sharded"}, "parallel is 'sharded', .* routed has others for passages than for queries"),
    ],
)
def test_what_an_encoder_has_nothing_for_is_refused_by_name(encoder, options, sentence):
    assert toy_config(encoder=encoder, precision="float32").encoder == encoder
    with pytest.raises(ValidationError, match=sentence):
        toy_config(encoder=encoder, precision="float32", **options)


@pytest.mark.parametrize("encoder", [TABLE, ROUTED])
def test_a_remedy_is_one_that_the_encoder_takes(encoder):
    said = smaller_model(toy_config(encoder=encoder), torch.float32)
    assert "compute.trim_vocabulary" in said
    assert "lora" not in said
    assert "sharded" not in said
    assert "lora" in smaller_model(toy_config(), torch.float32)


def test_a_refusal_has_the_reason_of_the_page_on_parallel_training():
    reason = "compiled layers whose weights come and go are not tested"
    with pytest.raises(ValidationError, match=reason):
        toy_config(compile=True, parallel="sharded", precision="float32")
    assert f"| `compute.compile=true` | {reason} |" in (DOCS / "parallel.md").read_text("utf-8")


def test_an_encoder_and_a_ratio_may_be_given_by_name():
    config = toy_config(encoder="mini-xs", ratio="linear(0.2, end=0.8)")
    assert (config.encoder.width, config.ratio.start, config.ratio.end) == (64, 0.2, 0.8)


@given(st.integers(1, 500), st.integers(1, 40))
def test_reports_are_at_most_as_many_as_asked_for_and_evenly_spaced(steps, reports):
    config = toy_config(steps=steps, reports=reports, evaluations=reports, checkpoints=reports, report_every=None)
    for every in (config.report_every, config.evaluate_every, config.checkpoint_every):
        assert 1 <= every <= steps
        assert -(-steps // every) <= reports


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError, match="learning_rte"):
        toy_config(learning_rte=1)


def test_more_chunks_than_pairs_are_refused_with_the_remedy():
    with pytest.raises(ValidationError, match=r"gradient_accumulation is 9, but a batch of 8 pairs .* lower"):
        toy_config(batch_size=8, gradient_accumulation=9)


def test_blocks_of_negatives_fill_a_batch_and_do_not_part_mixed_losses():
    assert toy_config(batch_size=8, **{"loss.negative_pool": 4}).loss.negative_pool == 4
    with pytest.raises(ValidationError, match=r"negative_pool is 3, of which a batch of 8 pairs is no multiple"):
        toy_config(batch_size=8, **{"loss.negative_pool": 3})
    with pytest.raises(ValidationError, match=r"leave loss\.negative_pool or loss mixing out"):
        toy_config(batch_size=8, **{"loss.negative_pool": 4}, mixing="loss")


def test_a_controller_cannot_mix_losses():
    with pytest.raises(ValidationError, match="the chaos controller follows one kind per step"):
        toy_config(ratio=CHAOS, mixing="loss")


def test_any_other_knob_gives_another_fingerprint_and_json_gives_the_same():
    config = toy_config()
    others = [
        toy_config(seed=1),
        toy_config(learning_rate=0.0100000001),
        toy_config(ratio={"family": "constant", "value": 0.4}),
        toy_config(mixing="loss"),
    ]
    assert len({config.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert TrialConfig.model_validate_json(config.model_dump_json()).fingerprint == config.fingerprint


def test_it_loads_without_torch():
    code = "import sys, trainables.config; sys.exit('torch' in sys.modules or 'ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({}, "linear 1 → 0"),
        ({"steps": 0}, "no step trained"),
        ({"steps": 0, "merging.cross_weight": 0.25}, "weights 0.75 X-X-mono + 0.25 X-Y"),
        ({"steps": 0, "merging.cross_weight": "searched"}, "weights of X-X-mono and X-Y"),
    ],
)
def test_what_is_trained_or_taken_in_its_place_is_said_in_a_line(changes, summary):
    config = toy_trial(**changes).config
    assert config.summary == summary
    if changes.get("merging.cross_weight") == "searched":
        with pytest.raises(ValueError, match="chosen by the search"):
            _ = config.merging.weights
