"""Every item that can serve the kind of a batch: what is due stays as far as it can, the rest is drawn.

Monolingual and cross-lingual batches may then hold different items, and training sets in different shares: use all that
there is where alpha is not what is studied.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainables.batches.assembly import BatchAssembly
from trainables.batches.batch import Pairs
from trainables.batches.eligible import EligibleItems
from trainables.batches.epochs import DueSets, ItemStream
from trainables.batches.kinds import Kind
from trainables.batches.mixture import proportions, set_mixture
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.pairs import TrainingData


class EveryItem:
    """The pairs of a batch, given its kind.

    - A batch comes from one training set, drawn in proportion to the items that can serve the batch's kind and
      language, or to weights, among the sets that can fill such a batch. The set that is due is taken as often as
      these shares allow (a maximal coupling).
    - Its items are those that are due. One that cannot serve (no text in the language, no pair of languages) is
      replaced in its place by one drawn at random from those that can.
    """

    def __init__(
        self,
        data: TrainingData,
        table: Sequence[Sequence[EligibleItems]],
        sets: Sequence[int],
        batch_size: int,
        stream: Stream,
        *,
        weights: Sequence[float] | None,
        temperature: float | None,
    ) -> None:
        """Sets are those that can fill any batch.

        Args:
            data: one or several training sets.
            table: [S][L + 1], the items of a set for a monolingual batch in each language, and for a cross-lingual one.
            sets: [S], numbers of the sets.
            batch_size: pairs of a batch.
            stream: random numbers of the training.
            weights: [S], take the place of the numbers of items in the draw of the set.
            temperature: τ draws the language of monolingual batches in proportion to n^(1/τ), n the items in it; None
                is uniform.
        """
        self._sets, self._batch_size, self._stream = sets, batch_size, stream
        self._group_of_item = data.group_of_item
        members = [np.flatnonzero(data.set_of_item == number).astype(np.int32) for number in sets]
        one_language, one = [np.ones((1, len(own)), dtype=bool) for own in members], np.ones(1)
        self._streams = [
            ItemStream(own, data.group_of_item[own], has, one, batch_size, number, stream)
            for number, own, has in zip(sets, members, one_language, strict=True)
        ]
        sizes = [len(own) for own in members]
        due = proportions(sizes if weights is None else weights)
        self._due = DueSets(sum(sizes) / batch_size * due, stream)
        mixtures = [set_mixture(column, batch_size, due, weights) for column in zip(*table, strict=True)]
        self._cross = mixtures.pop()
        self._mono = [mixture for mixture in mixtures if mixture is not None]
        power = 0.0 if temperature is None else 1 / temperature
        shares: npt.NDArray[np.float64] = proportions([mixture.items**power for mixture in self._mono] or [1.0])
        self._language_bounds = [*np.cumsum(shares)[:-1].tolist(), math.inf]

    def pairs(self, step: int, kind: Kind) -> tuple[int, Pairs]:
        """The set and the pairs of a batch [B] of a kind that can be filled."""
        due, number = self._due.at(step)
        items = self._streams[due].at(number).items
        generator = self._stream.at(Purpose.BATCH, step)
        # Both kinds take the same numbers in the same order, so that they agree wherever the data allows it.
        language, keep, substitute = generator.random(3).tolist()
        uniforms = generator.random(self._batch_size)
        mixture = self._mono[bisect_right(self._language_bounds, language)] if kind == "mono" else self._cross
        if mixture is None:
            raise ValueError(f"no {kind} batch can be filled")
        kept = keep < mixture.kept[due]
        place = due if kept else bisect_right(mixture.substitute_bounds, substitute)
        chosen = mixture.drawn(place)
        assembly = BatchAssembly(self._batch_size, self._group_of_item)
        if kept:
            assembly.place(chosen.rule.pairs(items, uniforms))
        assembly.fill(chosen, generator)
        return self._sets[place], assembly.pairs()
