"""What a search may vary: typed descriptions of single parameters.

>>> Real(1e-3, 1e-2, log=True), Integer(1, 10), Choice(("mean", "cls"))
(Real(low=0.001, high=0.01, log=True), Integer(low=1, high=10, log=False), Choice(options=('mean', 'cls')))
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Real:
    """A real number in [low, high], searched on a logarithmic scale if `log`.

    Raises:
        ValueError: the range is empty, or starts at 0 or below on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Integer:
    """A whole number in [low, high], both included, searched on a logarithmic scale if `log`.

    Raises:
        ValueError: the range is empty, or starts at 0 or below on a logarithmic scale.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Choice:
    """One of several values without an order.

    Raises:
        ValueError: there is none, or one is repeated.
    """

    options: tuple[str | int | float | bool, ...]

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) < len(self.options):
            raise ValueError(f"options are {self.options}, but must be distinct and at least one")


Parameter = Real | Integer | Choice


def _check_range(low: float, high: float, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the range is [{low}, {high}], but must be finite with low < high")
    if log and low <= 0:
        raise ValueError(f"the range of a log scale starts at {low}, but must start above 0")
