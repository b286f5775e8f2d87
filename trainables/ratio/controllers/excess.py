"""The excess controller: more batches of the kind whose loss is further above that of a reference training."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter, Real
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.references import LossCurve


class Excess(ControllerFamily):
    """Multiplicative weights on the excess loss over a reference, after DoReMi (2305.10429).

    With x_i = max(l_i - ref_i(p), 0) the excess of the latest batch of kind i (0 before the first one), after every
    step π ← softmax(log π + η x), then π ← (1 - c) π + c / 2. So the kind that is furthest behind its own reference
    gets more batches; the scales of the two losses do not meet. DoReMi's reference is a trained model; here it is the
    loss curve of a reference training, and the excess is taken per batch instead of per token.
    """

    description: ClassVar[str] = (
        "closed loop: more of the kind whose loss exceeds that of a reference training (DoReMi)"
    )
    references: ClassVar[Mapping[str, Kind]] = {"reference_mono": "mono", "reference_cross": "cross"}
    family: Literal["excess"] = "excess"
    reference_mono: LossCurve
    reference_cross: LossCurve
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.1
    """η"""
    smoothing: Annotated[float, Field(ge=1e-6, le=1)] = 1e-3
    """c: α stays in [c / 2, 1 - c / 2]."""
    initial: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"learning_rate": Real(1e-3, 1, log=True), "smoothing": Real(1e-3, 0.5, log=True)}

    @override
    def controller(self, total_steps: int) -> Controller:
        return ExcessController(self, total_steps)

    @override
    def summary(self) -> str:
        return f"excess loss over a reference, η {self.learning_rate:.3g}, smoothing {self.smoothing:.3g}"


class ExcessController(Controller):
    """The latest excess loss of each kind."""

    def __init__(self, family: Excess, total_steps: int) -> None:
        super().__init__(family.initial)
        self._family = family
        self._total_steps = total_steps
        self._excess: dict[str, float] = {"mono": 0.0, "cross": 0.0}

    @override
    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss"})

    @override
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        curve = self._family.reference_mono if kind == "mono" else self._family.reference_cross
        reference = float(np.interp(step / self._total_steps, np.linspace(0, 1, len(curve)), curve))
        self._excess[kind] = max(signals["loss"] - reference, 0.0)
        log_odds = math.log(self._ratio) - math.log1p(-self._ratio)
        log_odds += self._family.learning_rate * (self._excess["mono"] - self._excess["cross"])
        # The greater exponential is 1, so that neither overflows.
        mono, cross = math.exp(min(log_odds, 0.0)), math.exp(min(-log_odds, 0.0))
        return (1 - self._family.smoothing) * mono / (mono + cross) + self._family.smoothing / 2

    @override
    def _memory(self) -> dict[str, Any]:
        return {"excess": dict(self._excess)}

    @override
    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._excess = {kind: float(value) for kind, value in memory["excess"].items()}
