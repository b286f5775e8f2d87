"""How many columns of a row are marked, counted eight at a time."""

import numpy as np

from trainables.evaluation.arrays import BoolArray, IntArray

_BYTES = 8
_ADDED = 255
"""Words that can be added before a byte overflows."""

_EXACT = 2**24
"""Whole numbers up to this one are exact in float32."""


def marks_of(rows: int, columns: int) -> BoolArray:
    """Room for the marks of some rows, [rows, columns and 1 to 8 more that stay unmarked]."""
    return np.zeros((rows, (columns // _BYTES + 1) * _BYTES), dtype=bool)


class MarkCounter:
    """Counts the marks between cuts.

    Words of eight marks are added as one number; the few sums, and the words that a cut divides, are then weighted byte
    by byte in a matrix product, which is exact: no sum is greater than the number of columns.

    >>> marks = marks_of(1, 12)
    >>> marks[0, [1, 3, 8, 11]] = True
    >>> MarkCounter(np.array([0, 3, 9, 12]), marks.shape[1])(marks).tolist()
    [[1, 2, 1]]

    Args:
        cuts: [m + 1], ascending columns.
        columns: those that `marks_of` made.
    """

    def __init__(self, cuts: IntArray, columns: int) -> None:
        self._divided, within = np.divmod(cuts, _BYTES)
        self._starts = np.unique(np.append(np.arange(0, columns // _BYTES, _ADDED), self._divided))
        whole = np.repeat(self._starts[:, None] < self._divided, _BYTES, axis=0)
        part = np.arange(_BYTES)[:, None] < within
        parts = np.where(np.eye(len(cuts), dtype=bool)[:, None], part, False).reshape(-1, len(cuts))
        exact = np.float32 if columns <= _EXACT else np.float64
        self._weights = np.diff(np.concatenate([whole, parts]).astype(exact), axis=1)

    def __call__(self, marks: BoolArray) -> IntArray:
        """[rows, m], how many columns from each cut up to the next one are marked."""
        words = marks.view(np.uint64)
        sums = np.empty((len(words), len(self._starts) + len(self._divided)), dtype=np.uint64)
        np.add.reduceat(words, self._starts, axis=1, out=sums[:, : len(self._starts)])
        sums[:, len(self._starts) :] = words[:, self._divided]
        counts: IntArray = (sums.view(np.uint8).astype(self._weights.dtype) @ self._weights).astype(np.int64)
        return counts
