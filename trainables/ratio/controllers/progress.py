"""The progress controller: a bandit whose arms are the two kinds of batch and whose reward is learning progress."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Choice, Parameter, Real
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.controllers.exp3s import Exp3S

# Weight of the newest loss in the running mean of a kind.
_NEWEST = 0.1


class Progress(ControllerFamily):
    """Exp3.S (`Exp3S`) on learning progress, Graves et al. 2017 (1704.03003), with K = 2 kinds.

    The reward is *relative* progress, so that the kind with the greater loss does not win by that alone: the fall of
    the batch's loss by its own update over the loss before (`prediction_gain`, costs a second forward pass), or the
    fall of its loss below the running mean of its kind over that mean (`loss_drop`, free but noisy; the first batch
    of a kind has none and changes nothing). The paper scales it by a random sample of all rewards, here the latest
    `history` ones stand for them.
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


class ProgressController(Exp3S):
    """The state of the bandit, and the running mean loss of each kind."""

    def __init__(self, family: Progress) -> None:
        super().__init__(family)
        self._family = family
        self._mean_loss: dict[str, float] = {}

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss", "loss_after"} if self._family.reward == "prediction_gain" else {"loss"})

    @override
    def _reward(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float | None:
        loss = signals["loss"]
        if self._family.reward == "prediction_gain":
            return (loss - signals["loss_after"]) / loss if loss > 0 else 0.0
        mean = self._mean_loss.get(kind)
        self._mean_loss[kind] = loss if mean is None else (1 - _NEWEST) * mean + _NEWEST * loss
        if mean is None:
            return None
        return (mean - loss) / mean if mean > 0 else 0.0

    @override
    def _memory(self) -> dict[str, Any]:
        return {**super()._memory(), "mean_loss": dict(self._mean_loss)}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        super()._recall(memory)
        self._mean_loss = {kind: float(loss) for kind, loss in memory["mean_loss"].items()}
