"""The look-ahead controller: a bandit rewarded by what one step of a kind gains on the dev set."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.batches.kinds import KINDS, Kind
from trainables.parameters import Integer, Parameter, Real
from trainables.ratio.controller import ON_DEV, Controller, ControllerFamily, Signal
from trainables.ratio.controllers.exp3s import Exp3S
from trainables.ratio.family import counted

_LOSSES: tuple[Signal, ...] = tuple(f"{ON_DEV}loss/{kind}" for kind in KINDS)


class LookAhead(ControllerFamily):
    """Exp3.S (`Exp3S`) on the gain of single steps.

    A look measures the dev loss L, the mean of those of monolingual and of cross-lingual pairs, before and after one
    step. The reward of the kind of that step is its relative gain (L_before - L_after) / L_before: what the step did
    for texts that are not trained on, and for both kinds at once, where learning progress looks at the step's own
    batch. There are `looks` of them, evenly spaced, which is two measurements on the dev slice each; between them the
    ratio stands.
    """

    description: ClassVar[str] = "closed loop: bandit on the dev loss that single steps of each kind gain"
    family: Literal["look-ahead"] = "look-ahead"
    looks: Annotated[int, Field(ge=1, le=10_000)] = 20
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.1
    """η"""
    exploration: Annotated[float, Field(ge=1e-3, le=1)] = 0.1
    """ε: α stays in [ε / 2, 1 - ε / 2]."""
    history: Annotated[int, Field(ge=2, le=1_000_000)] = 1000

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "looks": Integer(10, 40),
            "learning_rate": Real(0.02, 1, log=True),
            "exploration": Real(0.02, 0.5, log=True),
        }

    @override
    def controller(self, total_steps: int) -> Controller:
        return LookAheadController(self, total_steps)

    @override
    def summary(self) -> str:
        return f"look-ahead bandit, {counted(self.looks, 'look')}, η {self.learning_rate:.3g}, ε {self.exploration:.3g}"


class LookAheadController(Exp3S):
    """The state of the bandit, and the dev loss before the step that is looked at."""

    def __init__(self, family: LookAhead, total_steps: int) -> None:
        super().__init__(family)
        self._every = max(2, total_steps // family.looks)
        self._before: float | None = None

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset(_LOSSES if step % self._every >= self._every - 2 else ())

    @override
    def _reward(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float | None:
        if not self.wants(step):
            return None
        loss = sum(signals[name] for name in _LOSSES) / len(_LOSSES)
        before, self._before = self._before, loss
        if step % self._every < self._every - 1 or before is None:
            return None
        return (before - loss) / before if before > 0 else 0.0

    @override
    def _memory(self) -> dict[str, Any]:
        return {**super()._memory(), "before": self._before}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        super()._recall(memory)
        self._before = None if memory["before"] is None else float(memory["before"])
