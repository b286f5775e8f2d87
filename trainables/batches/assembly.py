"""Assembling a batch from pairs that share neither a group nor a text, so that no negative is a true answer."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Pairs, joined
from trainables.batches.eligible import EligibleItems

# From so many candidates on, those that cannot fit anyway are sorted out at once before the rest is tried one by one.
_MANY = 2000


class BatchAssembly:
    """A batch that is being assembled: slots that are filled by the first pairs that fit.

    A pair fits if it exists (no text index is -1) and shares no group, query text or passage text with a pair that is
    already in: the same text in two items would make a true answer a negative.
    """

    def __init__(self, size: int, group_of_item: npt.NDArray[np.int64]) -> None:
        self._group_of_item = group_of_item
        self._parts: list[Pairs] = []
        self._tried = 0
        self._slots = [-1] * size
        self._vacant = list(range(size))
        self._groups: set[int] = set()
        self._queries: set[int] = set()
        self._passages: set[int] = set()

    def place(self, pairs: Pairs) -> None:
        """Fills an empty batch slot by slot: slot i takes pair i, or stays vacant if that pair does not fit."""
        for number in self._accept(pairs, len(pairs)):
            self._slots[number] = number
        self._vacant = [slot for slot in self._vacant if self._slots[slot] < 0]

    def add(self, pairs: Pairs) -> None:
        """Tries pairs one after the other; those that fit take the vacant slots in order."""
        start = self._tried
        accepted = self._accept(pairs, len(self._vacant))
        for slot, number in zip(self._vacant, accepted, strict=False):
            self._slots[slot] = start + number
        del self._vacant[: len(accepted)]

    def fill(self, eligible: EligibleItems, generator: np.random.Generator) -> None:
        """Fills the vacant slots with items drawn uniformly from the eligible ones that still fit, as far as there are
        any.

        Draws are repeated outside the groups already in, twice as many per slot each time; once they would outnumber
        the eligible items, these are gone through in random order instead, for as long as that fills another slot. So
        this ends whatever the data.
        """
        spare, outside = 1, False
        while self._vacant and (count := spare * (len(self._vacant) * 5 // 4 + 4)) <= len(eligible):
            uniforms = generator.random((2, count))
            items = eligible.draw_outside(self._groups, uniforms[0]) if outside else eligible.draw(uniforms[0])
            if len(items) == 0:
                return
            self.add(eligible.rule.pairs(items, uniforms[1]))
            spare, outside = 2 * spare, bool(self._groups)
        vacant = len(self._vacant) + 1
        # More than one pass, since an item may be drawn in other languages the next time.
        while 0 < len(self._vacant) < vacant:
            vacant = len(self._vacant)
            uniforms = generator.random((2, len(eligible)))
            self.add(eligible.rule.pairs(eligible.items[np.argsort(uniforms[0], kind="stable")], uniforms[1]))

    def pairs(self) -> Pairs:
        """The pairs of the slots in order, without the slots still vacant."""
        if not self._vacant and len(self._parts) == 1 and self._tried == len(self._slots):
            return self._parts[0]
        slots = np.array([number for number in self._slots if number >= 0], dtype=np.intp)
        return joined(self._parts).take(slots)

    def _accept(self, pairs: Pairs, at_most: int) -> list[int]:
        groups, queries, passages = self._groups, self._queries, self._passages
        numbers: Iterable[int] = range(len(pairs))
        columns: list[npt.NDArray[Any]] = [self._group_of_item[pairs.items], pairs.query_text, pairs.passage_text]
        if len(pairs) > _MANY:
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
        self._parts.append(pairs)
        self._tried += len(pairs)
        return accepted
