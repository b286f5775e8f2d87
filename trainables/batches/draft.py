"""Filling a batch with members that share neither a group nor a text."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.batches.pools import Members, Pool, joined

# From so many candidates on, those that cannot fit anyway are sorted out at once before the rest is tried one by one.
_MANY = 2000


class Draft:
    """A batch in the making: slots that are filled by the first members that fit.

    A member fits if it can be used at all (no text index is -1) and shares no group, query text or passage text with
    a member that is already in: the same text in two items would make a true answer a negative.
    """

    def __init__(self, size: int, group_of_item: npt.NDArray[np.int64]) -> None:
        self._group_of_item = group_of_item
        self._parts: list[Members] = []
        self._offered = 0
        self._slots = [-1] * size
        self._vacant = list(range(size))
        self._groups: set[int] = set()
        self._queries: set[int] = set()
        self._passages: set[int] = set()

    def offer_each(self, members: Members) -> None:
        """Offers one member to each slot of an empty draft: slot i takes member i or stays vacant."""
        for number in self._accept(members, len(members)):
            self._slots[number] = number
        self._vacant = [slot for slot in self._vacant if self._slots[slot] < 0]

    def offer(self, members: Members) -> None:
        """Offers members one after the other; those that fit take the vacant slots in order."""
        start = self._offered
        accepted = self._accept(members, len(self._vacant))
        for slot, number in zip(self._vacant, accepted, strict=False):
            self._slots[slot] = start + number
        del self._vacant[: len(accepted)]

    def fill(self, pool: Pool, generator: np.random.Generator) -> None:
        """Fills the vacant slots with items drawn uniformly from those of the pool that still fit, while there are any.

        Draws are repeated outside the groups already in, twice as many per slot each time; once they would outnumber
        the pool, it is gone through in random order instead, for as long as that fills another slot. So this ends
        whatever the data.
        """
        spare, outside = 1, False
        while self._vacant and (count := spare * (len(self._vacant) * 5 // 4 + 4)) <= len(pool):
            uniforms = generator.random((2, count))
            items = pool.draw_outside(self._groups, uniforms[0]) if outside else pool.draw(uniforms[0])
            if len(items) == 0:
                return
            self.offer(pool.usage.members(items, uniforms[1]))
            spare, outside = 2 * spare, bool(self._groups)
        vacant = len(self._vacant) + 1
        # More than one pass, since an item may be drawn in other languages the next time.
        while 0 < len(self._vacant) < vacant:
            vacant = len(self._vacant)
            uniforms = generator.random((2, len(pool)))
            self.offer(pool.usage.members(pool.items[np.argsort(uniforms[0], kind="stable")], uniforms[1]))

    def members(self) -> Members:
        """The members of the slots in order, without those still vacant."""
        if not self._vacant and len(self._parts) == 1 and self._offered == len(self._slots):
            return self._parts[0]
        slots = np.array([number for number in self._slots if number >= 0], dtype=np.intp)
        return joined(self._parts).take(slots)

    def _accept(self, members: Members, at_most: int) -> list[int]:
        groups, queries, passages = self._groups, self._queries, self._passages
        numbers: Iterable[int] = range(len(members))
        columns: list[npt.NDArray[Any]] = [self._group_of_item[members.items], members.query_text, members.passage_text]
        if len(members) > _MANY:
            used = zip(columns, (groups, queries, passages), strict=True)
            free = np.logical_and.reduce([~np.isin(column, [*taken, -1]) for column, taken in used])
            columns = [column[free] for column in columns]
            numbers = np.flatnonzero(free).tolist()
        accepted: list[int] = []
        for number, group, query, passage in zip(numbers, *(column.tolist() for column in columns), strict=True):
            if query < 0 or passage < 0 or group in groups or query in queries or passage in passages:
                continue
            groups.add(group)
            queries.add(query)
            passages.add(passage)
            accepted.append(number)
            if len(accepted) == at_most:
                break
        self._parts.append(members)
        self._offered += len(members)
        return accepted
