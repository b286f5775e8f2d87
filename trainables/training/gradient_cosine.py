"""Whether monolingual and cross-lingual batches pull the weights the same way: the cosine of their mean gradients."""

from collections.abc import Mapping

import torch
from torch import nn

from trainables.batches.kinds import KINDS, Kind
from trainables.batches.planner import BatchPlanner
from trainables.parallel.strategy import Parallel
from trainables.training.gradient import GradientEngine

BATCHES = 4
"""Of each kind: the first ones of the training, the same whenever it is measured and in all arms."""


class GradientCosine:
    """Measures it between two steps; gradients are none before and afterwards, and weights stay as they are.

    Args:
        engine: what computes gradients.
        planner: one of its own, since it goes back to the first steps.
        parameters: what is trained, by name.
        parallel: sums gradients over workers.

    Raises:
        UserError: the data cannot fill batches of both kinds.
    """

    def __init__(
        self, engine: GradientEngine, planner: BatchPlanner, parameters: Mapping[str, nn.Parameter], parallel: Parallel
    ) -> None:
        self._engine, self._parameters, self._parallel = engine, parameters, parallel
        self._batches = {kind: [planner.batch(step, kind) for step in range(BATCHES)] for kind in KINDS}

    def measure(self) -> float:
        """The cosine, the same on every worker; every one must ask, with the encoder in evaluation mode.

        A copy of the gradients is held meanwhile. NaN where a gradient is 0.
        """
        one, other = (self._gradient(kind) for kind in KINDS)
        products = [sum(float((a[n] * b[n]).sum()) for n in a) for a, b in ((one, other), (one, one), (other, other))]
        return products[0] / (products[1] * products[2]) ** 0.5 if products[1] * products[2] > 0 else float("nan")

    def _gradient(self, kind: Kind) -> dict[str, torch.Tensor]:
        """The sum over the batches of a kind, by parameter; of those that have one."""
        chunks = 0
        while chunks != self._engine.chunks:
            # Where memory has run out, the gradients of the batches before are gone, too.
            self._forget_gradients()
            chunks = self._engine.chunks
            for step, batch in enumerate(self._batches[kind]):
                self._engine.add_gradient(batch, step)
        self._parallel.sum_gradients(self._parameters.values())
        found = {name: p.grad for name, p in self._parameters.items() if p.grad is not None}
        self._forget_gradients()
        return found

    def _forget_gradients(self) -> None:
        for parameter in self._parameters.values():
            parameter.grad = None
