"""The progress controller: a bandit whose arms are the two kinds of batch and whose reward is learning progress."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Choice, Parameter, Real
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.controllers.softmax import softmax

# Weight of the newest loss in the running mean of a kind.
_NEWEST = 0.1


class Progress(ControllerFamily):
    """Exp3.S on learning progress, Graves et al. 2017 (1704.03003), with K = 2 kinds.

    After update n with reward r of the drawn kind: r̃ = r / π for it and 0 for the other, w_i ← log((1 - a) e^(w_i +
    η r̃_i) + a e^(w_j + η r̃_j)) with j the other kind and a = 1 / (n + 1), π = (1 - ε) softmax(w) + ε / 2.

    The reward is *relative* progress, so that the kind with the greater loss does not win by that alone: the fall of
    the batch's loss by its own update over the loss before (`prediction_gain`, costs a second forward pass), or the
    fall of its loss below the running mean of its kind over that mean (`loss_drop`, free but noisy; the first batch
    of a kind has none and changes nothing). As in the paper it is scaled linearly so that the 20th and 80th
    percentile of the last `history` rewards of both kinds become -1 and 1, and clipped; 0 if they coincide. The paper
    keeps a random sample of all rewards, here the latest ones stand for them.
    """

    description: ClassVar[str] = "closed loop: bandit on the learning progress of each kind (Graves et al. 2017)"
    family: Literal["progress"] = "progress"
    reward: Literal["prediction_gain", "loss_drop"] = "prediction_gain"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.05
    """η"""
    exploration: Annotated[float, Field(ge=1e-3, le=1)] = 0.1
    """ε: α stays in [ε / 2, 1 - ε / 2]."""
    history: Annotated[int, Field(ge=2, le=1_000_000)] = 1000

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "reward": Choice(("prediction_gain", "loss_drop")),
            "learning_rate": Real(0.005, 0.5, log=True),
            "exploration": Real(0.02, 0.5, log=True),
        }

    @override
    def controller(self, total_steps: int) -> Controller:
        return ProgressController(self)

    @override
    def summary(self) -> str:
        reward = self.reward.replace("_", " ")
        return f"progress bandit on {reward}, η {self.learning_rate:.3g}, ε {self.exploration:.3g}"


class ProgressController(Controller):
    """The state of Exp3.S: log weights, the latest rewards, the running mean loss of each kind."""

    def __init__(self, family: Progress) -> None:
        super().__init__(0.5)
        self._family = family
        self._weights = [0.0, 0.0]
        self._updates = 0
        self._rewards: list[float] = []
        self._mean_loss: dict[str, float] = {}

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss", "loss_after"} if self._family.reward == "prediction_gain" else {"loss"})

    @override
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        reward = self._reward(kind, signals)
        if reward is None:
            return self._ratio
        drawn = 0 if kind == "mono" else 1
        probability = self._ratio if kind == "mono" else 1 - self._ratio
        raised = list(self._weights)
        raised[drawn] += self._family.learning_rate * self._scaled(reward) / probability
        self._updates += 1
        shared = 1 / (self._updates + 1)
        keep, share = math.log(1 - shared), math.log(shared)
        mono, cross = (float(np.logaddexp(keep + mine, share + others)) for mine, others in (raised, reversed(raised)))
        # Only the difference of the weights counts; without an anchor both would grow for ever.
        self._weights = [mono - max(mono, cross), cross - max(mono, cross)]
        explored = self._family.exploration
        return (1 - explored) * softmax(mono, cross) + explored / 2

    def _reward(self, kind: Kind, signals: Mapping[str, float]) -> float | None:
        loss = signals["loss"]
        if self._family.reward == "prediction_gain":
            return (loss - signals["loss_after"]) / loss if loss > 0 else 0.0
        mean = self._mean_loss.get(kind)
        self._mean_loss[kind] = loss if mean is None else (1 - _NEWEST) * mean + _NEWEST * loss
        if mean is None:
            return None
        return (mean - loss) / mean if mean > 0 else 0.0

    def _scaled(self, reward: float) -> float:
        self._rewards = [*self._rewards, reward][-self._family.history :]
        low, high = np.quantile(self._rewards, [0.2, 0.8]).tolist()
        return min(max(2 * (reward - low) / (high - low) - 1, -1.0), 1.0) if high > low else 0.0

    @override
    def _memory(self) -> dict[str, Any]:
        return {
            "weights": list(self._weights),
            "updates": self._updates,
            "rewards": list(self._rewards),
            "mean_loss": dict(self._mean_loss),
        }

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._weights = [float(weight) for weight in memory["weights"]]
        self._updates = int(memory["updates"])
        self._rewards = [float(reward) for reward in memory["rewards"]]
        self._mean_loss = {kind: float(loss) for kind, loss in memory["mean_loss"].items()}
