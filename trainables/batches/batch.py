"""A batch, and the query-passage pairs that it is assembled from.

An item of the training data has its question and its passage in several languages. In a batch it stands as one pair: a
query in one language and a passage in the same or in another one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.batches.kinds import Kind
from trainables.errors import UserError

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Items as query-passage pairs in chosen languages, [m] each. A text index of -1 marks a pair that does not exist:
    the item lacks that text.
    """

    items: Indices
    query_language: npt.NDArray[np.int16]
    passage_language: npt.NDArray[np.int16]
    query_text: Indices
    passage_text: Indices

    def __len__(self) -> int:
        return len(self.items)

    def take(self, index: npt.NDArray[np.intp]) -> "Pairs":
        """The pairs at some positions."""
        return Pairs(
            self.items[index],
            self.query_language[index],
            self.passage_language[index],
            self.query_text[index],
            self.passage_text[index],
        )


def joined(parts: list[Pairs]) -> Pairs:
    """Several runs of pairs as one."""
    return Pairs(
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.query_language for part in parts]),
        np.concatenate([part.passage_language for part in parts]),
        np.concatenate([part.query_text for part in parts]),
        np.concatenate([part.passage_text for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class Batch:
    """B pairs of one training set; text indices are into `TrainingData.texts`."""

    step: int
    kind: Kind | None
    """None: some pairs are monolingual, the others cross-lingual."""
    set_index: int
    """Index into `TrainingData.set_names`."""
    items: npt.NDArray[np.int64]
    """[B], index into the training data."""
    query_language: npt.NDArray[np.int16]
    """[B], index into `TrainingData.languages`."""
    passage_language: npt.NDArray[np.int16]
    """[B], index into `TrainingData.languages`."""
    query_text: npt.NDArray[np.int32]
    """[B]"""
    passage_text: npt.NDArray[np.int32]
    """[B]"""
    negative_text: npt.NDArray[np.int32]
    """[B, h], explicit hard negatives of each query; -1 where there is none."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def mono(self) -> int:
        """How many pairs are monolingual."""
        return int((self.query_language == self.passage_language).sum())

    def shard(self, rank: int, world: int) -> "Batch":
        """The part of worker `rank` of `world`: contiguous and equal.

        Raises:
            UserError: B is not divisible by `world`.
        """
        if len(self) % world:
            raise UserError(
                f"A batch of {len(self)} cannot be shared equally by {world} workers: "
                f"use a --batch-size that is a multiple of {world}."
            )
        if not 0 <= rank < world:
            raise ValueError(f"the rank is {rank}, but must be in [0, {world})")
        size = len(self) // world
        part = slice(rank * size, (rank + 1) * size)
        return Batch(
            self.step,
            self.kind,
            self.set_index,
            self.items[part],
            self.query_language[part],
            self.passage_language[part],
            self.query_text[part],
            self.passage_text[part],
            self.negative_text[part],
        )
