"""The controller of Online Data Mixing: a bandit whose arms are the two kinds of batch, rewarded by the loss."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter, Real
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.controllers.softmax import softmax


class OnlineDataMixing(ControllerFamily):
    """Exp3 with the training loss as reward, as the code of Online Data Mixing (2312.02406) does it, with K = 2 kinds.

    After step t = 1, 2, ... with loss l of the drawn kind i: R_i += (l / 10) / π_i, ε_t = min(1 / K, sqrt(ln K / (K
    t))), π_i = (1 - K ε_t) e^(ε' R_i) / Σ_j e^(ε' R_j) + ε_t, with ε' the ε of the update before (at first 1 / K).
    Before `warmup` of the training is over nothing is updated. Kept for comparison: the losses of the two kinds are
    not on one scale, so that it drifts to the kind with harder negatives.
    """

    description: ClassVar[str] = "closed loop: bandit on the training loss (Online Data Mixing), for comparison"
    family: Literal["odm"] = "odm"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"warmup": Real(0, 0.3)}

    @override
    def comparable_from(self) -> float:
        """The middle of what follows the warm-up, during which the ratio stands still."""
        return (1 + self.warmup) / 2

    @override
    def controller(self, total_steps: int) -> Controller:
        return OnlineDataMixingController(self, total_steps)

    @override
    def summary(self) -> str:
        return f"odm, warm-up {self.warmup:.3g}"


class OnlineDataMixingController(Controller):
    """The state of Exp3: estimated cumulative rewards and the exploration rate."""

    def __init__(self, family: OnlineDataMixing, total_steps: int) -> None:
        super().__init__(0.5)
        self._warmup_steps = family.warmup * total_steps
        self._rewards = [0.0, 0.0]
        self._exploration = 0.5

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss"})

    @override
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        iteration = step + 1
        if iteration <= self._warmup_steps:
            return self._ratio
        drawn, probability = (0, self._ratio) if kind == "mono" else (1, 1 - self._ratio)
        self._rewards[drawn] += signals["loss"] / 10 / probability
        before, self._exploration = self._exploration, min(0.5, math.sqrt(math.log(2) / (2 * iteration)))
        return (1 - 2 * self._exploration) * softmax(*(before * r for r in self._rewards)) + self._exploration

    @override
    def _memory(self) -> dict[str, Any]:
        return {"rewards": list(self._rewards), "exploration": self._exploration}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._rewards = [float(reward) for reward in memory["rewards"]]
        self._exploration = float(memory["exploration"])
