import math

import numpy as np
import pytest

from trainables.ratio.controllers.odm import OnlineDataMixing
from trainables.ratio.controllers.progress import Progress


def naive_exp3s(kinds, rewards, learning_rate, exploration):
    """Equation by equation, on weights that are not logarithms."""
    weights, ratio, ratios = {"mono": 1.0, "cross": 1.0}, 0.5, []
    for n, (kind, reward) in enumerate(zip(kinds, rewards, strict=True), start=1):
        ratios.append(ratio)
        probability = ratio if kind == "mono" else 1 - ratio
        raised = {
            k: w * math.exp(learning_rate * (reward / probability if k == kind else 0)) for k, w in weights.items()
        }
        a = 1 / (n + 1)
        weights = {
            "mono": (1 - a) * raised["mono"] + a * raised["cross"],
            "cross": (1 - a) * raised["cross"] + a * raised["mono"],
        }
        ratio = (1 - exploration) * weights["mono"] / sum(weights.values()) + exploration / 2
    return ratios


def scaled(history, window):
    kept = sorted(history[-window:])
    low, high = (np.percentile(kept, q) for q in (20, 80))
    return float(np.clip(2 * (history[-1] - low) / (high - low) - 1, -1, 1)) if high > low else 0.0


def test_progress_follows_exp3s_on_scaled_relative_gains():
    generator = np.random.default_rng(0)
    kinds = generator.choice(["mono", "cross"], 40).tolist()
    losses, after = generator.random(40) + 1, generator.random(40) + 0.5
    gains = ((losses - after) / losses).tolist()
    rewards = [scaled(gains[: n + 1], 15) for n in range(40)]
    controller = Progress(learning_rate=0.2, exploration=0.1, history=15).controller(40)
    for step in range(40):
        assert controller.wants(step) == {"loss", "loss_after"}
        controller.observe(step, kinds[step], {"loss": float(losses[step]), "loss_after": float(after[step])})
    assert controller.log() == pytest.approx(naive_exp3s(kinds, rewards, 0.2, 0.1), rel=1e-12)


def test_the_first_rewards_of_progress_by_hand():
    controller = Progress(learning_rate=0.5, exploration=0.2).controller(10)
    controller.observe(0, "mono", {"loss": 2.0, "loss_after": 1.0})
    # One reward alone has no spread and counts 0.
    assert controller.ratio(1) == 0.5
    controller.observe(1, "mono", {"loss": 2.0, "loss_after": 2.0})
    # Gains 0.5 and 0: percentiles 0.1 and 0.4, so the new one is clipped to -1; π = 1/2, a = 1/3.
    down = math.exp(0.5 * -1 / 0.5)
    mono, cross = 2 / 3 * down + 1 / 3, 2 / 3 + 1 / 3 * down
    assert controller.ratio(2) == pytest.approx(0.8 * mono / (mono + cross) + 0.1)


def test_progress_turns_to_the_kind_that_is_still_learning():
    controller = Progress(learning_rate=0.1).controller(400)
    for step in range(400):
        kind = "mono" if step % 2 else "cross"
        controller.observe(step, kind, {"loss": 1.0, "loss_after": 0.99 if kind == "mono" else 0.5})
    assert controller.ratio(400) < 0.2


def test_loss_drop_compares_with_the_running_mean_of_the_kind():
    controller = Progress(reward="loss_drop", learning_rate=0.5, exploration=0.2).controller(10)
    assert controller.wants(0) == {"loss"}
    for step, (kind, loss) in enumerate([("mono", 4.0), ("cross", 2.0), ("mono", 3.0), ("cross", 2.0)]):
        controller.observe(step, kind, {"loss": loss})
    # Means: mono 4 then 3.9, cross 2. Rewards: none, none, (4 - 3) / 4 and 0.
    assert controller.state()["memory"]["rewards"] == pytest.approx([0.25, 0.0])
    assert controller.state()["memory"]["mean_loss"] == pytest.approx({"mono": 3.9, "cross": 2.0})
    assert controller.log()[:3] == [0.5, 0.5, 0.5]


def test_progress_does_not_drift_to_the_kind_with_the_greater_loss():
    """Equal relative progress at a tenfold loss: the ratio stays even, where loss as reward runs away."""
    generator = np.random.default_rng(1)
    progress, odm = Progress(learning_rate=0.1).controller(400), OnlineDataMixing().controller(400)
    for step in range(400):
        scale = 1.0 if step % 2 else 10.0
        seen = {"loss": scale, "loss_after": scale * float(1 - 0.1 * generator.random())}
        progress.observe(step, "mono" if step % 2 else "cross", seen)
        odm.observe(step, "mono" if step % 2 else "cross", seen)
    assert 0.35 < np.mean(progress.log()) < 0.65
    assert np.mean(odm.log()[200:]) < 0.15


@pytest.mark.parametrize("loss", [0.0, 1e-300, 1e300])
def test_extreme_losses_keep_the_ratio_within_its_limits(loss):
    controller = Progress(learning_rate=10, exploration=0.01).controller(200)
    for step in range(200):
        controller.observe(step, "mono", {"loss": loss * (1 + step % 3), "loss_after": loss / 2})
        assert 0 <= controller.ratio(step + 1) <= 1
