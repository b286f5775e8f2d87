"""Items that can serve both kinds of batch, in an order that no kind changes: alpha changes the ratio and nothing else.

An item can serve both kinds if it has its question and its passage in one language, and a question and a passage in two
different ones. The language of a monolingual batch is decided with its items, before its kind: a batch holds items that
all exist in one language, whether it then shows them in that language or each of them in two of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices
from trainables.batches.epochs import DueSets, ItemStream, Weights
from trainables.batches.language_draw import LanguageDraw
from trainables.batches.languages import CrossLingual
from trainables.batches.streams import Stream
from trainables.corpora.pairs import TrainingData

SetShare = Literal["items", "pairs"]


@dataclass(frozen=True, eq=False)
class ServingItems:
    """The items of one set that can serve both kinds, and how many groups they are in which languages."""

    items: Indices
    """[N], sorted by group"""
    has: npt.NDArray[np.bool_]
    """[L, N], languages in which an item has its question and its passage"""
    groups: npt.NDArray[np.int64]
    """[L], groups of the items that exist in a language"""

    def in_languages(self, able: npt.NDArray[np.bool_]) -> "ServingItems":
        """Those that exist in one of some languages, and in these only."""
        has = self.has & able[:, None]
        kept = has.any(axis=0)
        if kept.all():
            return ServingItems(self.items, has, self.groups * able)
        return ServingItems(self.items[kept], has[:, kept], self.groups * able)


def serving_items(data: TrainingData, cross: CrossLingual, set_index: int) -> ServingItems:
    """Finds the items of a set that can serve both kinds."""
    first, last = np.searchsorted(data.set_of_item, [set_index, set_index + 1])
    order = np.argsort(data.group_of_item[first:last], kind="stable")
    has = ((data.query_text[first:last] >= 0) & (data.passage_text[first:last] >= 0))[order]
    items = (first + order).astype(np.int32)
    serves = has.any(axis=1) & cross.eligible(items)
    if not serves.all():
        items, has = items[serves], has[serves]
    groups = data.group_of_item[items]
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]])) if len(items) else items
    in_groups = has if len(starts) == len(items) else np.logical_or.reduceat(has, starts, axis=0)
    return ServingItems(items, has.T.copy(), in_groups.sum(axis=0))


class CommonItems:
    """Which items are due at a step, of which set and in which language, whatever the kind."""

    def __init__(
        self,
        data: TrainingData,
        sets: Sequence[tuple[int, ServingItems]],
        batch_size: int,
        stream: Stream,
        *,
        share: SetShare,
        weights: Sequence[float] | None,
        languages: LanguageDraw,
    ) -> None:
        """Sets and languages are those that can fill a batch.

        Args:
            data: one or several training sets.
            sets: the number of every set in use, and its items.
            batch_size: pairs of a batch.
            stream: random numbers of the training.
            share: batches of a set are in proportion to its items, or to their pairs of a question language and a
                passage language.
            weights: [S], in proportion to these instead.
            languages: how the language is drawn, by the items in it.
        """
        self._sets = [number for number, _ in sets]
        sizes: Weights = np.sum([one.has.sum(axis=1) for _, one in sets], axis=0, dtype=np.float64)

        def drawn(place: int, number: int) -> Weights:
            """In proportion to what the language of a set's batch is drawn."""
            return languages.weights(sizes, self._steps.step_of(place, number))

        self._streams = [
            ItemStream(
                one.items,
                data.group_of_item[one.items],
                one.has,
                languages.weights(sizes),
                batch_size,
                number,
                stream,
                partial(drawn, place) if languages.changes else None,
            )
            for place, (number, one) in enumerate(sets)
        ]
        per_epoch = np.array([one.items_per_epoch / batch_size for one in self._streams])
        if weights is not None or share == "pairs":
            parts = np.array([_pairs(data, one.items) for _, one in sets] if weights is None else weights, np.float64)
            per_epoch = per_epoch.sum() * parts / parts.sum()
        self.set_shares = per_epoch / per_epoch.sum()
        """[S], share of the batches that a set has."""
        self._due = DueSets(per_epoch, stream)
        # It is asked for other epochs than what is due is.
        self._steps = DueSets(per_epoch, stream)

    def at(self, step: int) -> tuple[int, Indices, int]:
        """The set, the items [B] and the language that are due at a step."""
        place, number = self._due.at(step)
        due = self._streams[place].at(number)
        return self._sets[place], due.items, due.language


def _pairs(data: TrainingData, items: Indices) -> int:
    queries, passages = (data.query_text[items] >= 0).sum(axis=1), (data.passage_text[items] >= 0).sum(axis=1)
    return int((queries * passages).sum())
