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
