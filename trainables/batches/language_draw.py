"""In proportion to what the languages of monolingual batches are drawn, at every step of a training."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Sizes = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LanguageDraw:
    """A language with n items is drawn in proportion to n^a.

    The exponent a is that of the first step, and moves with the progress t / T of the steps 0 to T - 1 in a straight
    line to the last one. 0 is uniform.

    >>> LanguageDraw.of(None, None, None).weights(np.array([1.0, 100.0, 0.0])).tolist()
    [1.0, 1.0, 0.0]
    >>> draw = LanguageDraw.of(1, 2, steps=4)
    >>> [draw.exponent(step) for step in range(4)]
    [1.0, 0.875, 0.75, 0.625]
    """

    first: float
    last: float
    steps: int

    @classmethod
    def of(cls, temperature: float | None, last_temperature: float | None, steps: int | None) -> "LanguageDraw":
        """The draw with exponent 1 / temperature, 0 for None; a last temperature of None: it stays so.

        Raises ValueError for a last temperature without a number of steps; 0 steps stay as they begin.
        """
        first = 0.0 if temperature is None else 1 / temperature
        if last_temperature is None:
            return cls(first, first, 0)
        if steps is None:
            raise ValueError("a language temperature that changes needs the number of steps over which it does")
        return cls(first, 1 / last_temperature if steps else first, steps)

    @property
    def changes(self) -> bool:
        """Whether the draw is another one at other steps."""
        return self.first != self.last

    def exponent(self, step: int) -> float:
        """a at a step; from step T on that which the line ends at."""
        if not self.changes:
            return self.first
        return self.first + (self.last - self.first) * min(step / self.steps, 1.0)

    def weights(self, sizes: Sizes, step: int = 0) -> Sizes:
        """Of n items per language: [L], 0 for a language without any."""
        found: Sizes = np.where(sizes > 0, np.maximum(sizes, 1) ** self.exponent(step), 0)
        return found
