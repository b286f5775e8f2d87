"""Long work that somebody watches: what is worked on passes by, one thing after the other."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Passes things on and shows how many have passed."""

    def __call__(self, things: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
        """The same things.

        Args:
            things: what is worked on.
            what: is done, such as `reading rows`.
            total: how many things there are, where that is known.
        """


def unwatched(things: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """The same things; nobody looks.

    >>> list(unwatched([1, 2], "counting"))
    [1, 2]
    """
    return things


def how_far(done: int, total: int | None, seconds: float) -> str:
    """How much of some work is done, and how fast.

    >>> how_far(1500, 10_000, 2.0)
    '1,500 of 10,000, 750 a second'
    """
    of = "" if total is None else f" of {total:,}"
    return f"{done:,}{of}, {done / max(seconds, 1e-9):,.0f} a second"
