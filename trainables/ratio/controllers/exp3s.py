"""Exp3.S with two kinds of batch: the bandit behind the controllers that follow a reward."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.ratio.controller import Controller
from trainables.ratio.controllers.softmax import softmax


class Bandit(Protocol):
    """What a family says of its bandit."""

    @property
    def learning_rate(self) -> float:
        """η"""

    @property
    def exploration(self) -> float:
        """ε: the ratio stays in [ε / 2, 1 - ε / 2]."""

    @property
    def history(self) -> int:
        """Rewards by which the next one is scaled."""


class Exp3S(Controller):
    """Its state: log weights and the latest rewards.

    After update n with reward r of the drawn kind: r̃ = r / π for it and 0 for the other, w_i ← log((1 - a) e^(w_i +
    η r̃_i) + a e^(w_j + η r̃_j)) with j the other kind and a = 1 / (n + 1), π = (1 - ε) softmax(w) + ε / 2 (Graves et
    al. 2017). A reward is scaled linearly so that the 20th and 80th percentile of the last `history` rewards of both
    kinds become -1 and 1, and clipped; 0 if they coincide.
    """

    def __init__(self, bandit: Bandit) -> None:
        super().__init__(0.5)
        self._bandit = bandit
        self._weights = [0.0, 0.0]
        self._updates = 0
        self._rewards: list[float] = []

    @abstractmethod
    def _reward(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float | None:
        """The reward of the kind that was drawn; None where there is none and nothing changes."""

    @override
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        reward = self._reward(step, kind, signals)
        if reward is None:
            return self._ratio
        drawn = 0 if kind == "mono" else 1
        probability = self._ratio if kind == "mono" else 1 - self._ratio
        raised = list(self._weights)
        raised[drawn] += self._bandit.learning_rate * self._scaled(reward) / probability
        self._updates += 1
        shared = 1 / (self._updates + 1)
        keep, share = math.log(1 - shared), math.log(shared)
        mono, cross = (float(np.logaddexp(keep + mine, share + others)) for mine, others in (raised, reversed(raised)))
        # Only the difference of the weights counts; without an anchor both would grow for ever.
        self._weights = [mono - max(mono, cross), cross - max(mono, cross)]
        explored = self._bandit.exploration
        return (1 - explored) * softmax(mono, cross) + explored / 2

    def _scaled(self, reward: float) -> float:
        self._rewards = [*self._rewards, reward][-self._bandit.history :]
        low, high = np.quantile(self._rewards, [0.2, 0.8]).tolist()
        return min(max(2 * (reward - low) / (high - low) - 1, -1.0), 1.0) if high > low else 0.0

    @override
    def _memory(self) -> dict[str, Any]:
        return {"weights": list(self._weights), "updates": self._updates, "rewards": list(self._rewards)}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._weights = [float(weight) for weight in memory["weights"]]
        self._updates = int(memory["updates"])
        self._rewards = [float(reward) for reward in memory["rewards"]]
