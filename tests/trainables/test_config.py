import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.trainables.toy_run import CHAOS, toy_config
from trainables.config import TrainingConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("batch_size", 1),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("temperature", 0),
        ("warmup_share", 1),
        ("warmup_share", -0.1),
        ("weight_decay", -1),
        ("gradient_clip", -1),
        ("gradient_accumulation", 0),
        ("report_every", 0),
        ("evaluate_every", -1),
        ("checkpoint_every", -1),
        ("seed", -1),
        ("decay", "sudden"),
        ("mixing", "both"),
        ("draw", "random"),
        ("precision", "float16"),
        ("ratio", {"family": "constant", "value": 1.5}),
        ("ratio", {"family": "nothing"}),
    ],
)
def test_a_knob_out_of_range_is_refused_by_name(field, value):
    with pytest.raises(ValidationError) as caught:
        toy_config(**{field: value})
    assert caught.value.errors()[0]["loc"][0] == field


def test_unknown_knobs_are_refused():
    with pytest.raises(ValidationError, match="learning_rte"):
        toy_config(learning_rte=1)


def test_more_chunks_than_pairs_are_refused_with_the_remedy():
    with pytest.raises(ValidationError, match=r"gradient_accumulation is 9, but a batch of 8 pairs .* lower"):
        toy_config(batch_size=8, gradient_accumulation=9)


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
    assert TrainingConfig.model_validate_json(config.model_dump_json()).fingerprint == config.fingerprint


def test_it_loads_without_torch():
    code = "import sys, trainables.config; sys.exit('torch' in sys.modules or 'ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
