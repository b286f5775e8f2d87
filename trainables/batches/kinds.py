"""Whether a batch is monolingual or cross-lingual, given its ratio."""

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
    """Draws the kind of one batch after the other; the random numbers depend on the seed only, not on the arm."""

    def __init__(self, seed: int) -> None:
        self._stream = Stream(seed)
        self._step = 0

    def draw(self, step: int, ratio: float) -> Kind:
        """The kind of the batch of `step`. Raises ValueError unless the steps come in order and the ratio is in [0,
        1].
        """
        if step != self._step:
            raise ValueError(f"the kind of step {step} was asked for, but step {self._step} is next")
        if not 0 <= ratio <= 1:
            raise ValueError(f"the ratio of step {step} is {ratio}, but must be in [0, 1]")
        self._step += 1
        return "mono" if self._is_mono(step, ratio) else "cross"

    @abstractmethod
    def _is_mono(self, step: int, ratio: float) -> bool: ...

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here, as JSON values."""
        return {"step": self._step}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._step = int(state["step"])


class ExactKinds(BatchKinds):
    """Error diffusion: with A_t = α_0 + ... + α_t and an offset u of the seed, batch t is monolingual if and only if
    floor(A_t + u) > floor(A_{t-1} + u).

    So any n successive batches hold floor(S) or ceil(S) monolingual ones, S the sum of their ratios. The fraction of
    A + u is kept in units of 2^-53, in whole numbers: nothing drifts, and a ratio of 0 or 1 is kept to the letter.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._carry = int(self._stream.at(Purpose.OFFSET, 0).random() * _ONE)

    @override
    def _is_mono(self, step: int, ratio: float) -> bool:
        total = self._carry + round(math.ldexp(ratio, 53))
        self._carry = total % _ONE
        return total >= _ONE

    @override
    def state(self) -> dict[str, Any]:
        return {"step": self._step, "carry": self._carry}

    @override
    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._carry = int(state["carry"])


class BernoulliKinds(BatchKinds):
    """Independent draws: batch t is monolingual if a uniform number of (seed, t) is below α_t."""

    @override
    def _is_mono(self, step: int, ratio: float) -> bool:
        return bool(self._stream.at(Purpose.KIND, step).random() < ratio)


def batch_kinds(draw: KindDraw, seed: int) -> BatchKinds:
    """Returns the draw of kinds by its name."""
    return ExactKinds(seed) if draw == "exact" else BernoulliKinds(seed)
