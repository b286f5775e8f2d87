"""The controls of a winner: each changes one thing, and is made from the ratios that the winner used."""

import math

import pytest

from tests.trainables.ratio.examples import examples
from tests.trainables.toy_run import toy_config
from trainables.config import TrialConfig
from trainables.options import patched
from trainables.ratio.config import ratio_config
from trainables.ratio.controls.registry import CONTROLS
from trainables.ratio.registry import FAMILIES

STEPS = 9
USED = [step / 10 for step in range(STEPS)]


def winner(values):
    if values["family"] == "replay":
        values = {**values, "ratios": USED}
    return toy_config(ratio=ratio_config(values), steps=STEPS, report_every=3)


def ratios_of(training):
    return training.ratio.as_schedule(USED).trajectory(training.steps).tolist()


winners = pytest.mark.parametrize(
    "values",
    [
        values
        for name, family in FAMILIES.items()
        if family.parameters() or name == "replay"
        for values in examples(name)
    ],
    ids=lambda values: values["family"],
)


def test_the_controls_and_their_lines():
    assert list(CONTROLS) == ["reversed", "shuffled", "same-mean", "loss-mixing", "centred"]
    assert all(control.description and "\n" not in control.description for control in CONTROLS.values())


@winners
def test_twins_and_the_constant_change_the_ratio_only_and_keep_its_mean(values):
    training = winner(values)
    used = ratios_of(training)
    for name in ("reversed", "shuffled", "same-mean"):
        changes = CONTROLS[name].changes(training, USED)
        assert set(changes) == {"ratio"}
        assert changes["ratio"].mean_ratio(STEPS) == pytest.approx(math.fsum(used) / STEPS, abs=1e-15)
    assert ratios_of(training.model_copy(update=CONTROLS["reversed"].changes(training, USED))) == used[::-1]
    shuffled = CONTROLS["shuffled"].changes(training, USED)["ratio"].trajectory(STEPS).tolist()
    assert sorted(shuffled) == sorted(used)
    assert CONTROLS["same-mean"].changes(training, USED)["ratio"].constant_value() is not None


@winners
def test_loss_mixing_changes_the_mixing_only_and_keeps_steps_pairs_and_ratios(values):
    training = winner(values)
    used = ratios_of(training)
    changes = CONTROLS["loss-mixing"].changes(training, USED)
    assert set(changes) == {"batches.mixing", "ratio"}
    mixed = TrialConfig.model_validate(patched(training.model_dump(), changes))
    assert (mixed.batches.mixing, mixed.steps, mixed.batches.size) == ("loss", STEPS, training.batches.size)
    assert mixed.optimiser == training.optimiser
    assert ratios_of(mixed) == used
    # It has no signals to pay for: whatever the winner looked at, its ratios are known.
    assert not mixed.ratio.closed_loop


def test_loss_mixing_alone_has_a_search_of_its_own():
    assert [name for name, control in CONTROLS.items() if control.tuned] == ["loss-mixing"]
