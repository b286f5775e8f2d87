"""What a search may vary: typed descriptions of single parameters."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Real:
    """A real number in [low, high], searched on a log scale if `log`. Raises ValueError for an empty range."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Integer:
    """A whole number in [low, high], both included, searched on a log scale if `log`. Raises ValueError for an empty
    range.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Choice:
    """One of several values without an order. Raises ValueError for none or for repeated ones."""

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
