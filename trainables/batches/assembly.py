"""Assembling a batch from pairs that share no group, so that no negative is a true answer."""

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Pairs, joined
from trainables.batches.eligible import EligibleItems


class BatchAssembly:
    """A batch that is being assembled: slots that are filled by the first pairs that fit.

    A pair fits if it exists (no text index is -1) and shares no group with a pair that is already in.
    """

    def __init__(self, size: int, group_of_item: npt.NDArray[np.int64]) -> None:
        self._group_of_item = group_of_item
        self._parts: list[Pairs] = []
        self._tried = 0
        self._slots = [-1] * size
        self._vacant = list(range(size))
        self._groups: set[int] = set()

    def place(self, pairs: Pairs) -> None:
        """Fills an empty batch slot by slot: slot i takes pair i, or stays vacant if that pair does not fit."""
        for number in self._accept(pairs, len(pairs)):
            self._slots[number] = number
        self._vacant = [slot for slot in self._vacant if self._slots[slot] < 0]

    def fill(self, eligible: EligibleItems, generator: np.random.Generator) -> None:
        """Fills the vacant slots with items drawn uniformly from those that fit, as far as there are any.

        Draws are repeated outside the groups already in, twice as many per slot each time; once they would outnumber
        the eligible items, these are gone through in random order instead. So this ends whatever the data.
        """
        spare = 1
        while self._vacant and (count := spare * (len(self._vacant) * 5 // 4 + 4)) <= len(eligible):
            uniforms = generator.random((2, count))
            items = eligible.draw_outside(self._groups, uniforms[0]) if self._groups else eligible.draw(uniforms[0])
            if len(items) == 0:
                return
            self._add(eligible.rule.pairs(items, uniforms[1]))
            spare *= 2
        if self._vacant:
            uniforms = generator.random((2, len(eligible)))
            self._add(eligible.rule.pairs(eligible.items[np.argsort(uniforms[0], kind="stable")], uniforms[1]))

    def pairs(self) -> Pairs:
        """The pairs of the slots in order, without the slots still vacant."""
        if not self._vacant and len(self._parts) == 1 and self._tried == len(self._slots):
            return self._parts[0]
        slots = np.array([number for number in self._slots if number >= 0], dtype=np.intp)
        return joined(self._parts).take(slots)

    def _add(self, pairs: Pairs) -> None:
        """Tries pairs one after the other; those that fit take the vacant slots in order."""
        start = self._tried
        accepted = self._accept(pairs, len(self._vacant))
        for slot, number in zip(self._vacant, accepted, strict=False):
            self._slots[slot] = start + number
        del self._vacant[: len(accepted)]

    def _accept(self, pairs: Pairs, at_most: int) -> list[int]:
        exists = (pairs.query_text >= 0) & (pairs.passage_text >= 0)
        accepted: list[int] = []
        columns = (self._group_of_item[pairs.items].tolist(), exists.tolist())
        for number, (group, is_there) in enumerate(zip(*columns, strict=True)):
            if is_there and group not in self._groups:
                self._groups.add(group)
                accepted.append(number)
                if len(accepted) == at_most:
                    break
        self._parts.append(pairs)
        self._tried += len(pairs)
        return accepted
