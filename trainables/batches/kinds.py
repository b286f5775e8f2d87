"""How many of the batches, or of the pairs of a batch, are monolingual, given the ratio."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import override

from trainables.batches.streams import Purpose, Stream

Kind = Literal["mono", "cross"]
KINDS: tuple[Kind, ...] = ("mono", "cross")
KindDraw = Literal["exact", "bernoulli"]

_ONE = 1 << 53


class BatchKinds(ABC):
    """Draws what is monolingual, step after step; the random numbers depend on the seed only, not on the arm.

    A step has one draw, which decides about its whole batch, or one for every pair of it.
    """

    def __init__(self, seed: int, draws: int = 1) -> None:
        self._stream = Stream(seed)
        self._draws = draws
        self._step = 0

    def draw(self, step: int, ratio: float) -> Kind:
        """The kind of the batch of `step`, where that is one draw. Raises ValueError as `mono` does."""
        return "mono" if self.mono(step, ratio) else "cross"

    def mono(self, step: int, ratio: float) -> int:
        """How many draws of `step` are monolingual. Raises ValueError unless the steps come in order and the ratio is
        in [0, 1].
        """
        if step != self._step:
            raise ValueError(f"the kind of step {step} was asked for, but step {self._step} is next")
        if not 0 <= ratio <= 1:
            raise ValueError(f"the ratio of step {step} is {ratio}, but must be in [0, 1]")
        self._step += 1
        return self._mono(step, ratio)

    @abstractmethod
    def _mono(self, step: int, ratio: float) -> int: ...

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here, as JSON values."""
        return {"step": self._step}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._step = int(state["step"])


class ExactKinds(BatchKinds):
    """Error diffusion: with A_t = α_0 + ... + α_t, n draws a step and an offset u of the seed, step t has
    floor(n A_t + u) - floor(n A_{t-1} + u) monolingual ones.

    So those of any number of successive steps are floor(n S) or ceil(n S), S the sum of their ratios. The fraction of
    n A + u is kept in units of 2^-53, in whole numbers: nothing drifts, and a ratio of 0 or 1 is kept to the letter.
    """

    def __init__(self, seed: int, draws: int = 1) -> None:
        super().__init__(seed, draws)
        self._carry = int(self._stream.at(Purpose.OFFSET, 0).random() * _ONE)

    @override
    def _mono(self, step: int, ratio: float) -> int:
        count, self._carry = divmod(self._carry + self._draws * round(math.ldexp(ratio, 53)), _ONE)
        return count

    @override
    def state(self) -> dict[str, Any]:
        return {"step": self._step, "carry": self._carry}

    @override
    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._carry = int(state["carry"])


class BernoulliKinds(BatchKinds):
    """Independent draws: each is monolingual if a uniform number of (seed, t) is below α_t."""

    @override
    def _mono(self, step: int, ratio: float) -> int:
        return int((self._stream.at(Purpose.KIND, step).random(self._draws) < ratio).sum())


def batch_kinds(draw: KindDraw, seed: int, draws: int = 1) -> BatchKinds:
    """Returns the draw of kinds by its name."""
    return ExactKinds(seed, draws) if draw == "exact" else BernoulliKinds(seed, draws)
