"""The items of one training set that can serve one sort of batch, and random draws from them."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices
from trainables.batches.languages import LanguageRule, Uniforms


class EligibleItems:
    """The items of a set that a language rule can use, sorted by group so that whole groups can be left out of a
    draw.

    Args:
        items: [m], indices into the training data, sorted by group.
        rule: the language rule.
        group_of_item: group of every item of the training data.
    """

    def __init__(self, items: Indices, rule: LanguageRule, group_of_item: npt.NDArray[np.int64]) -> None:
        self.items = items
        self.rule = rule
        self._group_of_item = group_of_item

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def groups(self) -> int:
        """The number of groups that they are in: a batch may hold one item of each."""
        return len(self.items) and int(np.count_nonzero(np.diff(self._groups))) + 1

    def draw(self, uniforms: Uniforms) -> Indices:
        """Items drawn uniformly and independently."""
        return self.items[(uniforms * len(self.items)).astype(np.int64)]

    def draw_outside(self, groups: Iterable[int], uniforms: Uniforms) -> Indices:
        """Items drawn uniformly and independently from those of all other groups; none if there are no others."""
        taken = np.array(sorted(groups), dtype=np.int64)
        left = np.searchsorted(self._groups, taken, side="left")
        size = np.searchsorted(self._groups, taken, side="right") - left
        removed = np.cumsum(size)
        free = len(self.items) - int(removed[-1])
        if free == 0:
            return self.items[:0]
        rank = (uniforms * free).astype(np.int64)
        # An item keeps its place, moved up by all groups that are taken out before it.
        gaps = np.searchsorted(left - (removed - size), rank, side="right")
        found: Indices = self.items[rank + np.concatenate([[0], removed])[gaps]]
        return found

    @cached_property
    def _groups(self) -> npt.NDArray[np.int64]:
        return self._group_of_item[self.items]
