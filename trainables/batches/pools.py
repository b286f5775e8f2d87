"""The items of one training set that can serve one kind of batch, and how members are drawn from them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from trainables.corpora.pairs import TrainingData

Indices = npt.NDArray[np.int32]
Uniforms = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Members:
    """Items in the languages in which they are used, [m] each. A text index of -1 marks an item that cannot be used
    so.
    """

    items: Indices
    query_language: npt.NDArray[np.int16]
    passage_language: npt.NDArray[np.int16]
    query_text: Indices
    passage_text: Indices

    def __len__(self) -> int:
        return len(self.items)

    def take(self, index: npt.NDArray[np.intp]) -> "Members":
        """The members at some positions."""
        return Members(
            self.items[index],
            self.query_language[index],
            self.passage_language[index],
            self.query_text[index],
            self.passage_text[index],
        )


def joined(parts: list[Members]) -> Members:
    """Several runs of members as one."""
    return Members(
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.query_language for part in parts]),
        np.concatenate([part.passage_language for part in parts]),
        np.concatenate([part.query_text for part in parts]),
        np.concatenate([part.passage_text for part in parts]),
    )


class Usage(ABC):
    """How a kind of batch uses items: which of them can serve, and in which languages."""

    @abstractmethod
    def eligible(self, items: Indices) -> npt.NDArray[np.bool_]:
        """Which of the items can serve: bool [m]."""

    @abstractmethod
    def members(self, items: Indices, uniforms: Uniforms) -> Members:
        """The items in their languages; one uniform number each decides what is to be decided."""


class OneLanguage(Usage):
    """Query and passage in the same language."""

    def __init__(self, data: TrainingData, language: int) -> None:
        self._data = data
        self._language = language

    @override
    def eligible(self, items: Indices) -> npt.NDArray[np.bool_]:
        texts, language = self._data, self._language
        usable: npt.NDArray[np.bool_] = (texts.query_text[items, language] >= 0) & (
            texts.passage_text[items, language] >= 0
        )
        return usable

    @override
    def members(self, items: Indices, uniforms: Uniforms) -> Members:
        languages = np.full(len(items), self._language, dtype=np.int16)
        query_text = self._data.query_text[items, self._language]
        passage_text = self._data.passage_text[items, self._language]
        return Members(items, languages, languages, query_text, passage_text)


class TwoLanguages(Usage):
    """Query and passage in different languages: uniform over the ordered pairs (query language, passage language) of
    the item.

    Let an item have q query and p passage languages, c of them common, the common ones listed first and in the same
    order on both sides. Then the first c (p - 1) pairs have a common query language, which the passage must avoid,
    the other (q - c) p have none.
    """

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        has_query, has_passage = data.query_text >= 0, data.passage_text >= 0
        # Few patterns of present languages occur in real data: the tables are small, whatever the number of items.
        packed = np.packbits(np.concatenate([has_query, has_passage], axis=1), axis=1)
        _, first, pattern = np.unique(_as_words(packed), return_index=True, return_inverse=True)
        self._pattern = pattern.astype(np.int32)
        has_query, has_passage = has_query[first], has_passage[first]
        common = has_query & has_passage
        self._query_languages = np.argsort(2 - common - 1 * has_query, axis=1, kind="stable").astype(np.int16)
        self._passage_languages = np.argsort(2 - common - 1 * has_passage, axis=1, kind="stable").astype(np.int16)
        passages = has_passage.sum(axis=1)
        self._with_common = common.sum(axis=1) * (passages - 1).clip(min=0)
        self._common = common.sum(axis=1)
        self._pairs = has_query.sum(axis=1) * passages - self._common
        self._passages = passages.clip(min=1)
        self._other_passages = (passages - 1).clip(min=1)

    @override
    def eligible(self, items: Indices) -> npt.NDArray[np.bool_]:
        usable: npt.NDArray[np.bool_] = self._pairs[self._pattern[items]] > 0
        return usable

    @override
    def members(self, items: Indices, uniforms: Uniforms) -> Members:
        pattern = self._pattern[items]
        pairs = self._pairs[pattern]
        rank = (uniforms * pairs).astype(np.int64)
        beyond = rank - self._with_common[pattern]
        is_common = beyond < 0
        query, passage = np.divmod(rank, self._other_passages[pattern])
        passage += passage >= query
        if not is_common.all():
            other_query, other_passage = np.divmod(beyond, self._passages[pattern])
            query = np.where(is_common, query, self._common[pattern] + other_query)
            passage = np.where(is_common, passage, other_passage)
            # Items without any pair have nothing to look up.
            np.minimum(query, self._query_languages.shape[1] - 1, out=query)
        query_language = self._query_languages[pattern, query]
        passage_language = self._passage_languages[pattern, passage]
        query_text = self._data.query_text[items, query_language]
        passage_text = self._data.passage_text[items, passage_language]
        if not pairs.all():
            query_text[pairs == 0] = -1
        return Members(items, query_language, passage_language, query_text, passage_text)


class Pool:
    """The eligible items of a set for one usage, sorted by group so that whole groups can be left out of a draw."""

    def __init__(self, items: Indices, usage: Usage, group_of_item: npt.NDArray[np.int64]) -> None:
        self.items = items
        self.usage = usage
        self._group_of_item = group_of_item

    def __len__(self) -> int:
        return len(self.items)

    def draw(self, uniforms: Uniforms) -> Indices:
        """Items drawn uniformly and independently."""
        return self.items[(uniforms * len(self.items)).astype(np.int64)]

    def draw_outside(self, groups: Iterable[int], uniforms: Uniforms) -> Indices:
        """Items drawn uniformly and independently from those of all other groups; none if there are no others."""
        taken = np.array(sorted(groups), dtype=np.int64)
        left = np.searchsorted(self._groups, taken, side="left")
        size = np.searchsorted(self._groups, taken, side="right") - left
        removed = np.cumsum(size)
        free = len(self.items) - int(removed[-1])
        if free == 0:
            return self.items[:0]
        rank = (uniforms * free).astype(np.int64)
        # An item keeps its place, moved up by all groups that are taken out before it.
        gaps = np.searchsorted(left - (removed - size), rank, side="right")
        found: Indices = self.items[rank + np.concatenate([[0], removed])[gaps]]
        return found

    @cached_property
    def _groups(self) -> npt.NDArray[np.int64]:
        return self._group_of_item[self.items]


def _as_words(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
