"""Hashes of runs of numbers, 64 bits, the same in every process.

The hash of a run is a polynomial over its values modulo 2^64. With the sums of a whole sequence at hand that of any run
in it costs one subtraction, however long it is.

>>> values = mix(np.array([3, 1, 4, 1, 5, 3, 1, 4], dtype=np.uint64))
>>> hashes = Runs(values).hashes(np.array([0, 1, 5]), 3)
>>> bool(hashes[0] == hashes[2]), bool(hashes[0] == hashes[1])
(True, False)
"""

import hashlib

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_BASE = 0xC2B2AE3D27D4EB4F
_INVERSE = pow(_BASE, -1, 1 << 64)
"""_BASE * _INVERSE = 1 modulo 2^64."""


class Runs:
    """The hashes of any runs in a sequence of values."""

    def __init__(self, values: Hashes) -> None:
        """values: [n], already mixed, so that small numbers do not cancel out."""
        self._sums = np.zeros(len(values) + 1, dtype=np.uint64)
        np.cumsum(values * _powers(_BASE, len(values)), out=self._sums[1:])
        self._inverse = _powers(_INVERSE, len(values) + 1)

    def hashes(self, starts: Numbers, lengths: int | Numbers) -> Hashes:
        """The hashes of the runs at [m] places, of one length or of one each; equal runs of a length have equal
        ones.
        """
        found: Hashes = mix((self._sums[starts + lengths] - self._sums[starts]) * self._inverse[starts])
        return found


def segment_hashes(values: Hashes, starts: Numbers) -> Hashes:
    """One hash per segment of values that are already mixed; a segment ends where the next one starts.

    Zeros at the end of a segment do not count.
    """
    if len(starts) == 0:
        return np.zeros(0, dtype=np.uint64)
    return Runs(values).hashes(starts, np.diff(starts, append=len(values)))


def mix(values: npt.NDArray[np.uint64] | npt.NDArray[np.uint32]) -> Hashes:
    """The finaliser of SplitMix64: neighbouring numbers become unrelated ones."""
    mixed: Hashes = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def number_of(*key: str) -> int:
    """A number of 64 bits that looks random and never changes: what is drawn by it is the same everywhere."""
    return int.from_bytes(hashlib.sha256("\0".join(key).encode()).digest()[:8], "big")


_tables: dict[int, Hashes] = {}


def _powers(base: int, count: int) -> Hashes:
    """base^0 ... base^(count - 1) modulo 2^64."""
    table = _tables.get(base)
    if table is None or len(table) < count:
        factors = np.full(max(count, 2 * len(table) if table is not None else 0), base, dtype=np.uint64)
        factors[:1] = 1
        table = _tables[base] = np.cumprod(factors)
    return table[:count]
