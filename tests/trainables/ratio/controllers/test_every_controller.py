"""What holds for every closed-loop family."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables.ratio.examples import examples
from trainables.ratio.config import ratio_config
from trainables.ratio.controls.replay import Replay
from trainables.ratio.policy import ratio_policy
from trainables.ratio.registry import FAMILIES

STEPS = 60
VARIANTS = [values for name, family in FAMILIES.items() if family.closed_loop for values in examples(name)]
POLICIES = [ratio_policy(ratio_config(values), STEPS) for values in VARIANTS]
SIGNALS = sorted({name for policy in POLICIES for step in range(STEPS) for name in policy.wants(step)})
seeds = st.integers(0, 1000)
variants = st.sampled_from(VARIANTS)


LARGEST = 4.0
"""Above every reference loss of the examples: what never exceeds its reference rightly moves nothing."""


def world(seed):
    """Made-up kinds and signals of a whole training."""
    generator = np.random.default_rng(seed)
    kinds = generator.choice(["mono", "cross"], STEPS).tolist()
    signals = LARGEST * generator.random((STEPS, len(SIGNALS)))
    return [(kind, dict(zip(SIGNALS, row, strict=True))) for kind, row in zip(kinds, signals.tolist(), strict=True)]


def go(policy, seen, first=0):
    ratios = []
    for step, (kind, signals) in enumerate(seen, start=first):
        ratios.append(policy.ratio(step))
        policy.observe(step, kind, {name: signals[name] for name in policy.wants(step)})
    return ratios


@given(variants, seeds, st.integers(0, STEPS))
@settings(deadline=None)
def test_going_on_from_a_state_equals_never_stopping(values, seed, cut):
    config, seen = ratio_config(values), world(seed)
    whole = go(ratio_policy(config, STEPS), seen)
    first = ratio_policy(config, STEPS)
    head = go(first, seen[:cut])
    second = ratio_policy(config, STEPS)
    second.restore(json.loads(json.dumps(first.state(), allow_nan=False)))
    assert second.state() == first.state()
    assert head + go(second, seen[cut:], cut) == whole
    assert second.log() == whole


@given(variants, seeds)
def test_a_replay_of_the_log_gives_identical_ratios(values, seed):
    policy = ratio_policy(ratio_config(values), STEPS)
    ratios = go(policy, world(seed))
    schedule = ratio_config(values).as_schedule(policy.log())
    replay = Replay.model_validate_json(schedule.model_dump_json())
    assert replay.trajectory(STEPS).tolist() == ratios
    assert [ratio_policy(replay, STEPS).ratio(step) for step in range(STEPS)] == ratios


@given(variants, seeds)
def test_ratios_are_probabilities_and_do_move(values, seed):
    ratios = go(ratio_policy(ratio_config(values), STEPS), world(seed))
    assert all(0 <= ratio <= 1 for ratio in ratios)
    assert len(set(ratios)) > 1


@pytest.mark.parametrize("values", VARIANTS, ids=lambda v: v["family"])
def test_no_random_number_is_used(values):
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    one = go(ratio_policy(ratio_config(values), STEPS), world(1))
    assert np.random.get_state()[1].tolist() == before
    assert one == go(ratio_policy(ratio_config(values), STEPS), world(1))


@pytest.mark.parametrize("values", VARIANTS, ids=lambda v: v["family"])
def test_wanted_signals_must_be_there_and_finite(values):
    policy = ratio_policy(ratio_config(values), STEPS)
    seen = world(0)
    step = next(step for step in range(STEPS) if policy.wants(step))
    go(policy, seen[:step])
    name = min(policy.wants(step))
    for bad in ({}, {name: math.nan}, {name: math.inf}):
        with pytest.raises(ValueError, match="must be a finite number"):
            policy.observe(step, "mono", {**{n: 0.5 for n in policy.wants(step) if n != name}, **bad})
    assert len(policy.log()) == step


@pytest.mark.parametrize("values", [*VARIANTS, {"family": "linear"}], ids=lambda v: v["family"])
def test_steps_are_observed_once_and_in_order(values):
    policy = ratio_policy(ratio_config(values), STEPS)
    seen = world(0)
    with pytest.raises(ValueError, match="step 0 is next"):
        policy.observe(1, *seen[1])
    policy.observe(0, *seen[0])
    with pytest.raises(ValueError, match="step 1 is next"):
        policy.observe(0, *seen[0])


def test_a_ratio_is_known_for_the_next_step_and_no_later_one():
    policy = ratio_policy(ratio_config(VARIANTS[0]), STEPS)
    assert policy.ratio(0) == policy.ratio(0) == 0.5
    with pytest.raises(ValueError, match="not decided"):
        policy.ratio(1)
    ratios = go(policy, world(0))
    assert [policy.ratio(step) for step in range(STEPS)] == ratios


@given(variants, st.integers(1, 200), st.integers(1, 64), st.integers(0, 500))
@settings(deadline=None)
def test_the_cost_of_signals_is_known_beforehand(values, steps, batch_size, dev_pairs):
    config = ratio_config(values)
    policy, spent = ratio_policy(config, steps), 0
    for step in range(steps):
        wanted = policy.wants(step)
        spent += batch_size * ("loss_after" in wanted) + dev_pairs * any(name.startswith("dev/") for name in wanted)
        policy.observe(step, "mono", dict.fromkeys(wanted, 0.5))
    assert config.signal_pairs(steps, batch_size, dev_pairs) == spent


@given(variants)
def test_no_controller_is_judged_before_the_middle(values):
    config = ratio_config(values)
    assert 0.5 <= config.comparable_from() < 1
    assert config.comparable_from() >= getattr(config, "warmup", 0)


@given(variants)
def test_a_controller_has_no_constant_value(values):
    assert ratio_config(values).constant_value() is None


@pytest.mark.parametrize("values", VARIANTS, ids=lambda v: v["family"])
def test_references_are_fields_that_hold_a_loss_curve_and_are_not_searched(values):
    family = type(ratio_config(values))
    for field, kind in family.references.items():
        assert kind in ("mono", "cross")
        assert field not in family.parameters()
        assert getattr(ratio_config({**values, field: (2.0, 1.0)}), field) == (2.0, 1.0)
