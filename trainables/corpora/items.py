"""Training items in columns: as many as a disk holds, each made an object when it is asked for.

>>> items = Items.of([PairItem("1", "g", {"en": "Who?", "de": "Wer?"}, {"en": "A duke."})])
>>> items[0] == PairItem("1", "g", {"en": "Who?", "de": "Wer?"}, {"en": "A duke."}), items.languages
(True, ('en', 'de'))
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from trainables.corpora.groups import Numbers
from trainables.corpora.texts import KnownTexts, Texts, TextWriter, first_equal

_CHUNK = 1024
"""Items that are objects at a time while all of them are gone through."""


@dataclass(frozen=True)
class PairItem:
    """One question-passage item; any query language pairs with any passage language."""

    id: str
    group: str
    """Items of one group (an article, a document) are never negatives of each other; of what has no text in common with
    other items, a group of its own is the finest one."""
    query: Mapping[str, str]
    passage: Mapping[str, str]
    negatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Explicit hard negatives by language: passages that do not answer the question. Where all languages have equally
    many, those of one place are translations of each other."""


@dataclass(frozen=True, eq=False)
class Column:
    """What n items have on one side, E texts: those of item i are from `start[i]` to `start[i + 1]`."""

    start: Numbers
    """[n + 1]"""
    language: npt.NDArray[np.int16]
    """[E], index into `Items.languages`."""
    text: npt.NDArray[np.int32]
    """[E], index into `Items.texts`."""

    @property
    def item(self) -> npt.NDArray[np.int32]:
        """[E], the item of each text."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))

    def take(self, index: Numbers) -> "Column":
        """The same of some items."""
        counts = np.diff(self.start)[index]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        entries = np.arange(start[-1]) + np.repeat(self.start[index] - start[:-1], counts)
        return Column(start, self.language[entries], self.text[entries])


class Items(Sequence[PairItem]):
    """The n items of a training set."""

    def __init__(
        self,
        ids: Texts,
        group: npt.NDArray[np.int32],
        groups: KnownTexts,
        languages: tuple[str, ...],
        texts: KnownTexts,
        query: Column,
        passage: Column,
        negatives: Column,
    ) -> None:
        self.ids = ids
        self.group = group
        """[n], index into `groups`."""
        self.groups = groups
        """Names of groups; not all need have items."""
        self.languages = languages
        self.texts = texts
        """What the columns are made of; other sets may share it, and it may hold a text twice."""
        self.query, self.passage, self.negatives = query, passage, negatives

    @classmethod
    def of(cls, items: Sequence[PairItem]) -> "Items":
        """The same items in columns."""
        if isinstance(items, Items):
            return items
        writer = ItemWriter()
        for item in items:
            writer.add(item.id, item.group, item.query, item.passage, item.negatives)
        return writer.items()

    @override
    def __len__(self) -> int:
        return len(self.group)

    @overload
    def __getitem__(self, index: int) -> PairItem: ...
    @overload
    def __getitem__(self, index: slice) -> "Items": ...
    @override
    def __getitem__(self, index: int | slice) -> "PairItem | Items":
        number = np.arange(len(self))[index]
        return self.take(number) if isinstance(index, slice) else next(self._made(int(number), int(number) + 1))

    @override
    def __iter__(self) -> Iterator[PairItem]:
        for first in range(0, len(self), _CHUNK):
            yield from self._made(first, min(first + _CHUNK, len(self)))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(PairItem.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    @override
    def __repr__(self) -> str:
        return f"{list(self)!r}" if len(self) <= 1 else f"Items({self[0]!r}, ... {len(self):,})"

    def take(self, index: npt.NDArray[Any]) -> "Items":
        """Some of the items, by number or by whether each of them is wanted; their texts are shared."""
        number = np.arange(len(self))[index]
        return Items(
            self.ids.take(number),
            self.group[number],
            self.groups,
            self.languages,
            self.texts,
            *(column.take(number) for column in (self.query, self.passage, self.negatives)),
        )

    def without_negatives(self, texts: npt.NDArray[np.bool_]) -> "Items":
        """The same items without some negatives, and without those that stand in their places in other languages.

        Args:
            texts: [texts], which of `self.texts` are no negatives any more.
        """
        held = self.negatives
        item = held.item.astype(np.int64)
        # Entries of an item are ordered by language, so that the place in a list begins anew with each.
        first = np.flatnonzero(_starts(item, held.language))
        place = np.arange(len(item)) - np.repeat(first, np.diff(np.append(first, len(item))))
        key = item * (1 + int(place.max(initial=0))) + place
        kept = ~np.isin(key, key[texts[held.text]])
        start = np.concatenate([[0], np.cumsum(np.bincount(item[kept], minlength=len(self)))]).astype(np.int64)
        negatives = Column(start, held.language[kept], held.text[kept])
        return Items(self.ids, self.group, self.groups, self.languages, self.texts, self.query, self.passage, negatives)

    def languages_of(self, *columns: Column) -> tuple[str, ...]:
        """The languages of the texts in some columns, in alphabetical order."""
        used = np.unique(np.concatenate([column.language for column in columns]))
        return tuple(sorted(self.languages[number] for number in used.tolist()))

    def _made(self, first: int, end: int) -> Iterator[PairItem]:
        columns = [self._texts_of(column, first, end) for column in (self.query, self.passage, self.negatives)]
        numbers = self.group[first:end]
        for identifier, group, query, passage, negatives in zip(
            self.ids[first:end], self.groups.take(numbers), *columns, strict=True
        ):
            lists: dict[str, tuple[str, ...]] = {}
            for language, text in negatives:
                lists[language] = (*lists.get(language, ()), text)
            yield PairItem(identifier, group, dict(query), dict(passage), lists)

    def _texts_of(self, column: Column, first: int, end: int) -> Iterator[list[tuple[str, str]]]:
        bounds = column.start[first : end + 1].tolist()
        languages = column.language[bounds[0] : bounds[-1]].tolist()
        texts = iter(self.texts.take(column.text[bounds[0] : bounds[-1]]))
        own = [(self.languages[language], text) for language, text in zip(languages, texts, strict=True)]
        return (own[low - bounds[0] : high - bounds[0]] for low, high in pairwise(bounds))


class ItemWriter:
    """Takes in items, in parts or whole: what is added under one id is one item.

    Args:
        folder: where texts are kept once they are too many for memory; None: in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._ids, self._groups, self._texts = TextWriter(folder), TextWriter(folder), TextWriter(folder)
        self._id, self._group = array("i"), array("i")
        self._languages: dict[str, int] = {}
        self._query, self._passage, self._negatives = _Entries(), _Entries(), _Entries()

    def add(
        self,
        identifier: str,
        group: str,
        query: Mapping[str, str],
        passage: Mapping[str, str],
        negatives: Mapping[str, Sequence[str]] = {},
    ) -> None:
        """Takes in a part of an item."""
        self._id.append(self._ids.add(identifier))
        self._group.append(self._groups.add(group))
        languages, write = self._languages, self._texts.add
        for entries, texts in ((self._query, query), (self._passage, passage)):
            for language, text in texts.items():
                entries.add(languages.setdefault(language, len(languages)), write(text))
            entries.end()
        for language in sorted(negatives):
            for text in negatives[language]:
                self._negatives.add(languages.setdefault(language, len(languages)), write(text))
        self._negatives.end()

    def items(self) -> Items:
        """Every part as an item of its own; nothing is taken in any more."""
        ids, groups = self._ids.texts(), self._groups.texts()
        return Items(
            ids.take(np.frombuffer(self._id, np.int32)),
            np.frombuffer(self._group, np.int32),
            groups,
            tuple(self._languages),
            self._texts.texts(),
            self._query.column(),
            self._passage.column(),
            self._negatives.column(),
        )

    def joined(self, *, unique: bool, groups_are_translated: bool) -> tuple[Items, str | None]:
        """The items, parts of one id joined in the order in which ids first occur; nothing is taken in any more.

        Args:
            unique: whether an id that occurs twice is a mistake.
            groups_are_translated: whether the first group of an item counts; else a second one is a mistake.

        Returns:
            The items, and the id of the first one that is wrong, if any: it is there twice, has two groups, two texts
            on one side in one language, or no text on a side.
        """
        first = first_equal(self._ids.digests()[np.frombuffer(self._id, np.int32)])
        parts = self.items()
        is_new = first == np.arange(len(first))
        item = (np.cumsum(is_new) - 1)[first]
        same_group = parts.groups.first[parts.group]
        wrong = [np.flatnonzero(~is_new)] if unique else []
        if not groups_are_translated:
            wrong.append(np.flatnonzero(same_group != same_group[first]))
        (query, conflicts), (passage, others) = (
            _sides_joined(column, item, parts.texts.first) for column in (parts.query, parts.passage)
        )
        wrong += [conflicts, others]
        lacking = np.flatnonzero((np.diff(query.start) == 0) | (np.diff(passage.start) == 0))
        mistaken = np.concatenate(wrong)
        number = mistaken.min() if len(mistaken) else np.flatnonzero(is_new)[lacking[0]] if len(lacking) else None
        kept = parts.take(is_new)
        negatives = _lists_joined(parts.negatives, item, len(kept), parts.texts.first)
        joined = Items(kept.ids, kept.group, kept.groups, kept.languages, kept.texts, query, passage, negatives)
        return joined, None if number is None else parts.ids[int(number)]


class _Entries:
    """A column that is being written."""

    def __init__(self) -> None:
        self._start, self._language, self._text = array("q", [0]), array("h"), array("i")

    def add(self, language: int, text: int) -> None:
        self._language.append(language)
        self._text.append(text)

    def end(self) -> None:
        """No more of this item."""
        self._start.append(len(self._text))

    def column(self) -> Column:
        return Column(
            np.frombuffer(self._start, np.int64),
            np.frombuffer(self._language, np.int16),
            np.frombuffer(self._text, np.int32),
        )


def _sides_joined(column: Column, item: Numbers, same: npt.NDArray[np.int32]) -> tuple[Column, Numbers]:
    """The texts of the parts of each item, one per language, and the parts that have another one than the first.

    Args:
        column: of the parts.
        item: [parts], the item of each.
        same: by text, the first equal one.
    """
    owner = item[column.item]
    order = np.lexsort((column.language, owner))
    is_first = _starts(owner[order], column.language[order])
    leader = order[is_first][np.cumsum(is_first) - 1]
    conflicts = column.item[order[same[column.text[order]] != same[column.text[leader]]]]
    return _of_entries(column, np.sort(order[is_first]), owner, int(item.max(initial=-1)) + 1), conflicts


def _lists_joined(column: Column, item: Numbers, items: int, same: npt.NDArray[np.int32]) -> Column:
    """The negatives of the parts of each item by language, none of them twice."""
    owner = item[column.item]
    text = same[column.text]
    order = np.lexsort((text, column.language, owner))
    kept = np.sort(order[_starts(owner[order], column.language[order], text[order])])
    return _of_entries(column, kept[np.argsort(column.language[kept], kind="stable")], owner, items)


def _starts(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a run of rows begins that are equal in all columns."""
    found = np.zeros(len(columns[0]), dtype=bool)
    found[:1] = True
    for column in columns:
        found[1:] |= column[1:] != column[:-1]
    return found


def _of_entries(column: Column, entries: Numbers, owner: Numbers, items: int) -> Column:
    """A column of some entries, those of an item in their order."""
    entries = entries[np.argsort(owner[entries], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(owner[entries], minlength=items))]).astype(np.int64)
    return Column(start, column.language[entries], column.text[entries])
