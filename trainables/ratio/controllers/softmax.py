"""The softmax of two log weights."""

import math


def softmax(mono: float, cross: float) -> float:
    """The probability of the first: e^mono / (e^mono + e^cross).

    >>> softmax(0.0, 0.0)
    0.5
    """
    # Written so that neither exponential can overflow.
    largest = max(mono, cross)
    first, second = math.exp(mono - largest), math.exp(cross - largest)
    return first / (first + second)
