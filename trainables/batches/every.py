"""Every item that can serve the kind of a batch: what is due stays as far as it can, the rest is drawn.

Monolingual and cross-lingual batches may then hold different items, and training sets in different shares: use all that
there is where alpha is not what is studied.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from trainables.batches.assembly import BatchAssembly
from trainables.batches.batch import Pairs
from trainables.batches.eligible import EligibleItems
from trainables.batches.epochs import DueSets, ItemStream
from trainables.batches.kinds import Kind
from trainables.batches.language_draw import LanguageDraw
from trainables.batches.mixture import SetMixture, proportions, set_mixture
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
        languages: LanguageDraw,
    ) -> None:
        """Sets are those that can fill any batch.

        Args:
            data: one or several training sets.
            table: [S][L + 1], the items of a set for a monolingual batch in each language, and for a cross-lingual one.
            sets: [S], numbers of the sets.
            batch_size: pairs of a batch.
            stream: random numbers of the training.
            weights: [S], take the place of the numbers of items in the draw of the set.
            languages: how the language of monolingual batches is drawn, by the items in it.
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
        self._languages = languages
        self._language_bounds = self._bounds(0)

    def pairs(self, step: int, kind: Kind) -> tuple[int, Pairs]:
        """The set and the pairs of a batch [B] of a kind that can be filled."""
        due, number = self._due.at(step)
        items = self._streams[due].at(number).items
        generator = self._stream.at(Purpose.BATCH, step)
        # Both kinds take the same numbers in the same order, so that they agree wherever the data allows it.
        language, keep, substitute = generator.random(3).tolist()
        uniforms = generator.random(self._batch_size)
        mixture = self._monolingual(step, language) if kind == "mono" else self._cross
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

    def _monolingual(self, step: int, uniform: float) -> SetMixture:
        bounds = self._bounds(step) if self._languages.changes else self._language_bounds
        return self._mono[bisect_right(bounds, uniform)]

    def _bounds(self, step: int) -> list[float]:
        """Cumulative probabilities of the languages; the last one is infinite."""
        sizes = np.array([mixture.items for mixture in self._mono] or [1], dtype=np.float64)
        return [*np.cumsum(proportions(self._languages.weights(sizes, step)))[:-1].tolist(), math.inf]
