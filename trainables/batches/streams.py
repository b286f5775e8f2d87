"""Random numbers by address: what is drawn depends on (seed, data, purpose, number), never on what was drawn before.

NumPy's Philox is a counter-based generator: the key stands for (seed, data), the counter for (purpose, number). Only
doubles and raw words are taken from it, whose values NumPy does not change between versions, unlike those of
`permutation`.
"""

import hashlib
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Purpose(IntEnum):
    """What a random number is for. The values are part of every result: never renumber them, nor use 3 again."""

    BATCH = 0
    EPOCH = 1
    SET = 2
    KIND = 4
    OFFSET = 5
    SHUFFLED_TWIN = 6
    SET_OFFSET = 7
    LANGUAGE = 8
    MIX = 9
    TURNS = 10
    NEGATIVES = 11


class Stream:
    """The random numbers of one seed and one data fingerprint. Not for use by several threads at once."""

    def __init__(self, seed: int, fingerprint: str = "") -> None:
        digest = hashlib.sha256(f"{seed}:{fingerprint}".encode()).digest()
        key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        # Setting a state costs a fifth of making a generator.
        self._state = self._bits.state
        self._counter = self._state["state"]["counter"]

    def at(self, purpose: Purpose, number: int, part: int = 0) -> np.random.Generator:
        """The generator at an address; it is shared and valid until the next call.

        Args:
            purpose: what the numbers are for.
            number: which of these, such as a step or an epoch.
            part: which part of it, such as a training set.
        """
        self._counter[:] = (0, part, number, purpose)
        self._bits.state = self._state
        return self._generator

    def permutation(self, size: int, purpose: Purpose, number: int, part: int = 0) -> npt.NDArray[np.int32]:
        """A uniformly random order of 0 .. size - 1: int32 [size]. Leaves the generator of `at` at another address."""
        self.at(purpose, number, part)
        words = self._bits.random_raw(size)
        return np.argsort(words, kind="stable").astype(np.int32)
