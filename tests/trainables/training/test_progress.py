import json
import math

import pytest
import torch

from trainables.parallel.worker import Worker
from trainables.training.progress import LossWindow, Progress, diverged, mean

NOTHING = {"loss": [], "mono": [], "cross": []}


def test_losses_keep_every_digit_and_their_order_when_fetched_in_parts():
    window = LossWindow()
    values = [torch.tensor(v) for v in (0.1, 1e-8, 12345.678)]
    window.pending += values[:2]
    window.fetch(Worker())
    window.pending.append(values[2])
    assert window.fetch(Worker()) == [float(v) for v in values]


def test_mean_of_nothing_is_nothing():
    assert mean([]) is None
    assert mean([1.0, 2.0]) == 1.5


def test_state_survives_json_exactly():
    progress = Progress(step=7, pairs=56, tokens=99, first_loss={"mono": 0.1 + 0.2}, dev={"map": 1 / 3})
    progress.mono_pairs = 3
    progress.windows["mono"].pending.append(torch.tensor(0.1))
    state = json.loads(json.dumps(progress.state(Worker()), allow_nan=False))
    assert Progress.restored(state) == progress


def test_mono_share_counts_pairs_and_is_zero_before_the_first():
    progress = Progress()
    assert progress.mono_share == 0
    progress.pairs, progress.mono_pairs = 64, 16
    assert progress.mono_share == 0.25


def test_the_first_loss_of_a_kind_is_that_of_the_first_window_which_has_it():
    progress = Progress()
    for mono, cross in (([2.0, 4.0], []), ([1.0], [5.0]), ([0.5], [0.5])):
        progress.windows["mono"].known += mono
        progress.windows["cross"].known += cross
        progress.close_window(0.0)
    assert progress.first_loss == {"mono": 3.0, "cross": 5.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_diverges_at_any_time(value):
    assert diverged({**NOTHING, "loss": [1.0, value], "mono": [1.0, value]}, {}, False, 8)


def test_a_rise_counts_late_only_and_against_both_the_start_and_chance():
    chance = math.log(8)

    def rule(first, now, late=True, kind="mono"):
        return diverged({**NOTHING, "loss": [now], kind: [now]}, {"mono": first}, late, 8)

    assert rule(1.0, chance)
    assert not rule(1.0, chance, late=False)
    assert not rule(0.55 * chance, chance), "not twice the start"
    assert not rule(4.0, 7.9), "not twice the start"
    assert rule(4.0, 8.1)
    assert not rule(0.1, 0.9 * chance), "far above an easy start, but better than chance"
    assert not rule(1.0, chance, kind="cross"), "the other kind has no start to be compared with"


def test_a_run_that_forgot_one_kind_has_not_diverged():
    first, chance = {"mono": 1.0, "cross": 1.0}, math.log(8)
    assert not diverged({"loss": [chance, 0.5], "mono": [chance], "cross": [0.5]}, first, True, 8)
    assert diverged({"loss": [chance, chance], "mono": [chance], "cross": [chance]}, first, True, 8)
    assert not diverged(NOTHING, first, True, 8)
