import numpy as np
import pytest

from tests.trainables.ratio.controllers.test_progress import naive_exp3s, scaled
from trainables.ratio.controllers.look_ahead import LookAhead

STEPS, LOOKS = 40, 8
EVERY = STEPS // LOOKS


def losses(value):
    return {"dev/loss/mono": value - 0.1, "dev/loss/cross": value + 0.1}


def test_it_follows_exp3s_on_the_relative_gain_of_single_steps():
    generator = np.random.default_rng(0)
    kinds = generator.choice(["mono", "cross"], STEPS).tolist()
    dev = (generator.random(STEPS) + 1).tolist()
    controller = LookAhead(looks=LOOKS, learning_rate=0.2, exploration=0.1, history=5).controller(STEPS)
    for step in range(STEPS):
        controller.observe(step, kinds[step], losses(dev[step]) if controller.wants(step) else {})
    looked = range(EVERY - 1, STEPS, EVERY)
    gains = [(dev[step - 1] - dev[step]) / dev[step - 1] for step in looked]
    rewards = [scaled(gains[: n + 1], 5) for n in range(LOOKS)]
    expected = naive_exp3s([kinds[step] for step in looked], rewards, 0.2, 0.1)
    assert [controller.ratio(step) for step in looked] == pytest.approx(expected, rel=1e-12)
    # Between two looks the ratio stands.
    assert len(set(controller.log())) <= LOOKS


def test_every_look_costs_two_measurements_and_the_steps_between_cost_nothing():
    family = LookAhead(looks=LOOKS)
    wanted = [step for step in range(STEPS) if family.controller(STEPS).wants(step)]
    assert wanted == [step for end in range(EVERY, STEPS + 1, EVERY) for step in (end - 2, end - 1)]
    assert family.signal_pairs(STEPS, 16, 100) == 2 * LOOKS * 100


@pytest.mark.parametrize("better", ["mono", "cross"])
def test_it_turns_to_the_kind_whose_steps_help(better):
    """Whatever the loss does between the looks, the gain of the step itself decides."""
    controller = LookAhead(looks=100, learning_rate=0.3).controller(400)
    generator = np.random.default_rng(3)
    for step in range(400):
        kind = "mono" if generator.random() < controller.ratio(step) else "cross"
        gain = generator.normal(0.1 if kind == better else 0, 0.03) * (step % 4 == 3)
        controller.observe(step, kind, losses(1 - gain) if controller.wants(step) else {})
    late = float(np.mean(controller.log()[200:]))
    assert (late if better == "mono" else 1 - late) > 0.65


def test_more_looks_than_there_are_steps_look_at_every_other_one():
    controller = LookAhead(looks=1000).controller(6)
    assert all(controller.wants(step) for step in range(6))
    for step, value in enumerate((2.0, 1.0, 2.0, 1.5, 2.0, 2.0)):
        controller.observe(step, "mono", losses(value))
    assert controller.state()["memory"]["rewards"] == pytest.approx([0.5, 0.25, 0.0])
