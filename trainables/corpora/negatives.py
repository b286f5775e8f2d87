"""Explicit hard negatives of training items: texts that look like an answer to the question and are none.

A text that stands in the item's own group, as question or passage, in any language and in normal form, is no negative:
translations of the answer and other answers to the question are left out and counted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.corpora.groups import Numbers


@dataclass(frozen=True, eq=False)
class NegativeTexts:
    """Negatives by (item, language): R rows in the order of items, then of languages, N negatives."""

    item: npt.NDArray[np.int32]
    """[R], index into the training data."""
    language: npt.NDArray[np.int16]
    """[R], index into `TrainingData.languages`."""
    start: npt.NDArray[np.int64]
    """[R + 1]; the negatives of row r are `text[start[r]:start[r + 1]]`. Where all rows of an item are equally long,
    negatives of one rank are translations of each other."""
    text: npt.NDArray[np.int32]
    """[N], index into `TrainingData.texts`."""
    dropped: int = 0
    """How many were left out, since they stand in the item's own group."""

    def __len__(self) -> int:
        return len(self.text)

    @property
    def items(self) -> int:
        """How many items have any."""
        return len(np.unique(self.item))

    @property
    def arrays(self) -> tuple[npt.NDArray[np.int32] | npt.NDArray[np.int64], ...]:
        """What a fingerprint of the data takes in; nothing where there are none."""
        return (self.item, self.language.astype(np.int32), self.start, self.text) if len(self) else ()


NO_NEGATIVES = NegativeTexts(np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(1, np.int64), np.zeros(0, np.int32))


def negative_texts(
    item: npt.NDArray[np.int32],
    language: npt.NDArray[np.int16],
    text: npt.NDArray[np.int32],
    is_own: npt.NDArray[np.bool_],
) -> NegativeTexts:
    """Builds the table of N negatives.

    Args:
        item: [N], in ascending order.
        language: [N], of an item in ascending order.
        text: [N]
        is_own: [N], whether each negative stands in its item's group. Where all rows of an item are equally long, a
            rank is left out in all languages, so that ranks stay translations of each other.
    """
    is_first = np.ones(len(item), dtype=bool)
    is_first[1:] = (item[1:] != item[:-1]) | (language[1:] != language[:-1])
    firsts = np.flatnonzero(is_first)
    start = np.append(firsts, len(item))
    lengths, items = np.diff(start), item[firsts]
    leaves = is_own.copy()
    for number in np.unique(item[is_own]).tolist():
        first, end = np.searchsorted(items, [number, number + 1]).tolist()
        if len(set(lengths[first:end].tolist())) == 1:
            part = slice(int(start[first]), int(start[end]))
            leaves[part] = np.tile(is_own[part].reshape(end - first, -1).any(axis=0), end - first)
    left = np.bincount((np.cumsum(is_first) - 1)[~leaves], minlength=len(firsts))
    kept = left > 0
    return NegativeTexts(
        item=items[kept],
        language=language[firsts][kept],
        start=np.concatenate([[0], np.cumsum(left[kept])]).astype(np.int64),
        text=text[~leaves],
        dropped=int(leaves.sum()),
    )


def group_of_form(group_of_item: Numbers, items: Numbers, forms: Numbers, size: int) -> npt.NDArray[np.int64]:
    """The one group in which each of `size` normal forms stands as question or passage, or -1: int64 [size].

    Items that have a form in common are one group, so that no form stands in two.

    Args:
        group_of_item: [n], number of the group.
        items: [m], the item in which a form stands.
        forms: [m], the form.
        size: how many normal forms there are.
    """
    found = np.full(size, -1, dtype=np.int64)
    found[forms] = group_of_item[items]
    return found
