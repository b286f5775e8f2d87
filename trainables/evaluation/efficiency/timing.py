"""Repeated timings, of which the median counts."""

import gc
from collections.abc import Callable, Mapping

import numpy as np

from trainables.evaluation.arrays import FloatArray


def medians(sweep: Callable[[], Mapping[str, FloatArray]], repetitions: int) -> dict[str, FloatArray]:
    """Returns the medians over sweeps of everything that a sweep times once; by name, each of the shape of one sweep.

    A machine that is disturbed for a moment so disturbs one timing of many things, and not all timings of one. No
    garbage is collected meanwhile.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        sweeps = [sweep() for _ in range(repetitions)]
    finally:
        if was_enabled:
            gc.enable()
    return {name: np.median([one[name] for one in sweeps], axis=0) for name in sweeps[0]}
