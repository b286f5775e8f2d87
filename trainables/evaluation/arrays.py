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
