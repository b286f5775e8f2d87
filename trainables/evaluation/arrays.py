"""The types of the arrays that evaluation passes round."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

BoolArray: TypeAlias = npt.NDArray[np.bool_]

IntArray: TypeAlias = npt.NDArray[np.int64]

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Values of measures; NaN where there is none."""

ScoreArray: TypeAlias = npt.NDArray[np.float32]


def ranges(starts: IntArray, stops: IntArray) -> tuple[IntArray, IntArray]:
    """All numbers of some ranges, one range after the other: which range each is of, and the number.

    >>> of, number = ranges(np.array([3, 7, 0]), np.array([5, 7, 1]))
    >>> of.tolist(), number.tolist()
    ([0, 0, 2], [3, 4, 0])
    """
    sizes = stops - starts
    of = np.repeat(np.arange(len(sizes)), sizes)
    return of, np.arange(len(of)) + (stops - np.cumsum(sizes))[of]


def changes(values: npt.NDArray[np.generic]) -> BoolArray:
    """Whether each differs from the one before; the first does.

    >>> changes(np.array([3, 3, 1])).tolist()
    [True, False, True]
    """
    found = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def ordered(group: IntArray, value: IntArray, last: npt.NDArray[np.integer] | None = None) -> IntArray:
    """Orders by group, then value, then `last` (by place, if there is none), all [n] and not negative.

    As `numpy.lexsort`, and several times faster where no two have one group and one value.

    >>> ordered(np.array([1, 0, 1]), np.array([8, 9, 7])).tolist()
    [1, 2, 0]
    """
    if group.max(initial=0) < 2**31 and value.max(initial=0) < 2**32:
        key = group * 2**32 + value
        order: IntArray = np.argsort(key)
        in_order = key[order]
        if np.all(in_order[1:] > in_order[:-1]):
            return order
    return np.lexsort((value, group) if last is None else (last, value, group))


def descending(scores: ScoreArray) -> IntArray:
    """Whole numbers below 2^32 that are the greater the lower the scores are, and equal for equal ones, 0 and -0 too.

    >>> descending(np.array([-1.5, 0.0, -0.0, 2.0], dtype=np.float32)).argsort(kind="stable").tolist()
    [3, 1, 2, 0]
    """
    bits = (np.float32(0) - scores).view(np.int32).astype(np.int64)
    return np.where(bits < 0, ~bits, bits + 2**31)
