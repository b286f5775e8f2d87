import math

import numpy as np
import pytest

from trainables.ratio.controllers.odm import OnlineDataMixing


def test_odm_follows_the_published_update():
    generator = np.random.default_rng(2)
    rewards, pi, eps = {"mono": 0.0, "cross": 0.0}, {"mono": 0.5, "cross": 0.5}, 1 / 2
    controller = OnlineDataMixing().controller(100)
    for t in range(1, 101):
        kind, loss = str(generator.choice(["mono", "cross"])), float(generator.random() * 4)
        assert controller.ratio(t - 1) == pytest.approx(pi["mono"], rel=1e-12)
        controller.observe(t - 1, kind, {"loss": loss})
        rewards[kind] += loss / 10 / pi[kind]
        before, eps = eps, min(1 / 2, math.sqrt(math.log(2) / (2 * t)))
        total = sum(math.exp(r * before) for r in rewards.values())
        pi = {k: math.exp(r * before) * (1 - 2 * eps) / total + eps for k, r in rewards.items()}


def test_odm_waits_for_the_end_of_its_warm_up():
    controller = OnlineDataMixing(warmup=0.5).controller(20)
    for step in range(12):
        controller.observe(step, "cross", {"loss": 5.0})
    assert controller.log()[:11] == [0.5] * 11
    assert controller.ratio(11) < 0.5
    # Two rewards of 5 / 10 / π, the first at π = 1/2, the exploration of steps 11 and 12.
    first = 5 / 10 / 0.5
    eps = math.sqrt(math.log(2) / 22)
    even = (1 - 2 * eps) / (1 + math.exp(0.5 * first)) + eps
    assert controller.ratio(11) == pytest.approx(even)


@pytest.mark.parametrize("loss", [0.0, 1e-300, 1e300])
def test_extreme_losses_keep_the_ratio_within_its_limits(loss):
    controller = OnlineDataMixing().controller(200)
    for step in range(200):
        controller.observe(step, "mono", {"loss": loss * (1 + step % 3)})
        assert 0 <= controller.ratio(step + 1) <= 1
