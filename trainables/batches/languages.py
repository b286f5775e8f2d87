"""The languages of a pair: which items can serve a monolingual or a cross-lingual batch, and in which languages."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from trainables.batches.batch import Indices, Pairs
from trainables.corpora.pairs import TrainingData

Uniforms = npt.NDArray[np.float64]


class LanguageRule(ABC):
    """How the languages of the pairs of a batch are chosen."""

    @abstractmethod
    def eligible(self, items: Indices) -> npt.NDArray[np.bool_]:
        """Which of the items have a pair in such languages: bool [m]."""

    @abstractmethod
    def pairs(self, items: Indices, uniforms: Uniforms) -> Pairs:
        """The items in their languages; one uniform number each decides where there is a choice."""


class Monolingual(LanguageRule):
    """Query and passage in one and the same language for the whole batch."""

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
    def pairs(self, items: Indices, uniforms: Uniforms | None = None) -> Pairs:
        """The items in this language; there is no choice."""
        languages = np.full(len(items), self._language, dtype=np.int16)
        query_text = self._data.query_text[items, self._language]
        passage_text = self._data.passage_text[items, self._language]
        return Pairs(items, languages, languages, query_text, passage_text)


class CrossLingual(LanguageRule):
    """Query and passage in different languages: uniform over the ordered pairs (query language, passage language) of
    the item, for each item on its own.

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
    def pairs(self, items: Indices, uniforms: Uniforms) -> Pairs:
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
        return Pairs(items, query_language, passage_language, query_text, passage_text)


def _as_words(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
