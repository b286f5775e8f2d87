"""Training pairs: items with a query and a passage, each in one or more languages.

Items that have a text in common are one group, whatever their file says: as question or passage, in any language, in
normal form. A passage may answer several questions and a question may have several answers; where a file names no
groups, or finer ones, their translations would otherwise become false negatives of each other.

>>> items = [
...     PairItem("1", "1", {"en": "Who?"}, {"en": "A duke.", "de": "Ein Herzog."}),
...     PairItem("2", "2", {"de": "Wann?"}, {"de": "ein Herzog "}),
...     PairItem("3", "3", {"en": "When?"}, {"en": "In 1087."}),
... ]
>>> data = training_data({"mine": items})
>>> data.group_of_item.tolist(), data.groups, data.groups_in_files
([0, 0, 1], 2, 3)
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainables.corpora.groups import Numbers, joined, numbered
from trainables.corpora.images import Images
from trainables.corpora.items import Column, Items, PairItem
from trainables.corpora.negatives import NO_NEGATIVES, NegativeTexts, group_of_form, negative_texts
from trainables.corpora.texts import KnownTexts, Texts
from trainables.corpora.workplace import workplace
from trainables.watch import Watch, unwatched


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The items of one or several training sets on one language axis and one table of distinct texts.

    n items, L languages, absent texts are -1.
    """

    set_names: tuple[str, ...]
    languages: tuple[str, ...]
    item_ids: Sequence[str]
    set_of_item: npt.NDArray[np.int32]
    """[n], index into `set_names`; items of a set are contiguous, sets in the order of `set_names`."""
    group_of_item: npt.NDArray[np.int64]
    """[n], group number; items with a text in common, also of different sets, are one group"""
    groups_in_files: int
    """How many groups the files name; those of different sets are different."""
    texts: Texts
    """All different."""
    query_text: npt.NDArray[np.int32]
    """[n, L], index into `texts` or -1."""
    passage_text: npt.NDArray[np.int32]
    """[n, L], index into `texts` or -1."""
    text_form: npt.NDArray[np.int32]
    """[texts], number of the normal form of every text: texts of one number are the same text."""
    negatives: NegativeTexts
    """Explicit hard negatives of the items; their texts join no groups."""
    fingerprint: str
    """sha256 over everything above: equal fingerprints mean equal batches at equal seeds."""
    images: tuple[Images, ...] = ()
    """Those that texts stand for (`image_items`), set by set."""

    def __len__(self) -> int:
        return len(self.set_of_item)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.group_of_item.max(initial=-1)) + 1

    def item(self, index: int) -> PairItem:
        """Returns one item with its texts."""
        query = {lang: self.texts[t] for lang, t in zip(self.languages, self.query_text[index], strict=True) if t >= 0}
        passage = {
            lang: self.texts[t] for lang, t in zip(self.languages, self.passage_text[index], strict=True) if t >= 0
        }
        rows = np.flatnonzero(self.negatives.item == index)
        negatives = {self.languages[self.negatives.language[row]]: self._negatives_of(row) for row in rows.tolist()}
        return PairItem(self.item_ids[index], str(self.group_of_item[index]), query, passage, negatives)

    def _negatives_of(self, row: int) -> tuple[str, ...]:
        first, end = self.negatives.start[row : row + 2]
        return tuple(self.texts[text] for text in self.negatives.text[first:end])


def training_data(sets: Mapping[str, Sequence[PairItem]], images: Sequence[Images] = ()) -> TrainingData:
    """Builds the training data of several named sets, with the images that their items name; the order is kept.

    >>> item = PairItem("1", "g", {"en": "What is it?"}, {"en": "A thing.", "de": "Ein Ding."})
    >>> data = training_data({"mine": [item]})
    >>> data.languages, data.query_text.tolist(), data.passage_text.tolist()
    (('de', 'en'), [[-1, 0]], [[2, 1]])
    """
    own = aligned(sets)
    negatives = _negatives(own)
    arrays = (own.set_of_item, own.group_of_item, own.query_text, own.passage_text, *negatives.arrays)
    return TrainingData(
        set_names=tuple(sets),
        languages=own.languages,
        item_ids=own.item_ids,
        set_of_item=own.set_of_item,
        group_of_item=own.group_of_item,
        groups_in_files=own.groups_in_files,
        texts=own.texts,
        query_text=own.query_text,
        passage_text=own.passage_text,
        text_form=own.text_form,
        negatives=negatives,
        fingerprint=fingerprint([tuple(sets), own.languages, own.item_ids, own.texts], arrays, workplace().watch),
        images=tuple(images),
    )


class _Entries(NamedTuple):
    """E texts of items."""

    item: npt.NDArray[np.int32]
    language: npt.NDArray[np.int16]
    text: npt.NDArray[np.int32]

    def take(self, order: Numbers) -> "_Entries":
        return _Entries(self.item[order], self.language[order], self.text[order])


@dataclass(frozen=True, eq=False)
class AlignedItems:
    """The items of several sets on one language axis, as `TrainingData` has them, with all their negatives."""

    languages: tuple[str, ...]
    item_ids: Texts
    set_of_item: npt.NDArray[np.int32]
    group_of_item: Numbers
    group_in_file: Numbers
    """[n], number of the group that the file names."""
    texts: Texts
    query_text: npt.NDArray[np.int32]
    passage_text: npt.NDArray[np.int32]
    text_form: npt.NDArray[np.int32]
    negative: _Entries
    """In the order of items, then of languages."""

    @property
    def groups_in_files(self) -> int:
        """How many groups the files name; those of different sets are different."""
        return int(self.group_in_file.max(initial=-1)) + 1

    @property
    def forms(self) -> tuple[Numbers, Numbers]:
        """(item, form) of every question and passage."""
        return forms_of_items(np.concatenate([self.query_text, self.passage_text], axis=1), self.text_form)


def aligned(sets: Mapping[str, Sequence[PairItem]]) -> AlignedItems:
    """Aligns several named sets and joins what has a text in common; the order of sets and items is kept."""
    tables = [Items.of(items) for items in sets.values()]
    languages = tuple(
        sorted({name for own in tables for name in own.languages_of(own.query, own.passage, own.negatives)})
    )
    known = KnownTexts.all_of([own.texts for own in tables])
    item_base = np.cumsum([0, *map(len, tables)]).astype(np.int32)
    text_base = np.cumsum([0, *(len(own.texts) for own in tables)]).astype(np.int32)
    size = int(item_base[-1])

    def entries(columns: Sequence[Column]) -> _Entries:
        found = [_Entries(np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(0, np.int32))]
        for own, one, items, texts in zip(tables, columns, item_base, text_base, strict=False):
            axis = np.array([languages.index(name) if name in languages else -1 for name in own.languages], np.int16)
            found.append(_Entries(items + one.item, axis[one.language], texts + one.text))
        return _Entries(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    query, passage = entries([own.query for own in tables]), entries([own.passage for own in tables])
    negative = entries([own.negatives for own in tables])
    negative = negative.take(np.lexsort((negative.language, negative.item)))
    number, rows = _by_occurrence(known.first[_in_order(query, passage, negative)], len(known))

    def table(column: _Entries) -> npt.NDArray[np.int32]:
        found = np.full((size, len(languages)), -1, dtype=np.int32)
        found[column.item, column.language] = number[known.first[column.text]]
        return found

    query_text, passage_text = table(query), table(passage)
    text_form = numbered(known.keys[rows]).astype(np.int32)
    group_in_file = _groups_in_files(tables)
    forms = forms_of_items(np.concatenate([query_text, passage_text], axis=1), text_form)
    return AlignedItems(
        languages=languages,
        item_ids=Texts.joined([own.ids for own in tables]),
        set_of_item=np.repeat(np.arange(len(tables), dtype=np.int32), np.diff(item_base)),
        group_of_item=joined(size, (np.arange(size), group_in_file), forms),
        group_in_file=group_in_file,
        texts=known.take(rows),
        query_text=query_text,
        passage_text=passage_text,
        text_form=text_form,
        negative=_Entries(negative.item, negative.language, number[known.first[negative.text]]),
    )


def _in_order(query: _Entries, passage: _Entries, negative: _Entries) -> npt.NDArray[np.int32]:
    """The texts in the order in which they are numbered: those of an item's questions, then of its passages."""
    by_item = np.argsort(np.concatenate([query.item, passage.item]), kind="stable")
    # After all questions and passages, so that data without negatives are numbered alike with and without this.
    return np.concatenate([np.concatenate([query.text, passage.text])[by_item], negative.text])


def _groups_in_files(tables: Sequence[Items]) -> Numbers:
    """The number of the group that each item of several sets has in its file; those of different sets are different."""
    base = np.cumsum([0, *(len(own.groups) for own in tables)])
    parts = [first + own.groups.first[own.group] for own, first in zip(tables, base, strict=False)]
    named = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
    number, _ = _by_occurrence(named, int(base[-1]))
    found: Numbers = number[named].astype(np.int64)
    return found


def _by_occurrence(values: npt.NDArray[np.integer], size: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.integer]]:
    """The number of each of `size` values in the order in which they first occur, -1 for others, and those that do."""
    place = np.arange(len(values), dtype=np.int32)
    first = np.full(size, -1, dtype=np.int32)
    # Of several assignments to one place the last one counts.
    first[values[::-1]] = place[::-1]
    occurring = values[first[values] == place]
    number = np.full(size, -1, dtype=np.int32)
    number[occurring] = np.arange(len(occurring), dtype=np.int32)
    return number, occurring


def _negatives(own: AlignedItems) -> NegativeTexts:
    item, language, text = own.negative
    if not len(text):
        return NO_NEGATIVES
    groups = group_of_form(own.group_of_item, *own.forms, int(own.text_form.max()) + 1)
    return negative_texts(item, language, text, groups[own.text_form[text]] == own.group_of_item[item])


def forms_of_items(table: npt.NDArray[np.int32], text_form: npt.NDArray[np.integer]) -> tuple[Numbers, Numbers]:
    """The normal forms of the texts [n, L] of items, -1 where there is none, as (item, form), two arrays of one
    length.
    """
    items, columns = np.nonzero(table >= 0)
    return items, text_form[table[items, columns]].astype(np.int64)


def fingerprint(
    lists: Iterable[Sequence[str]],
    arrays: Iterable[npt.NDArray[np.int32] | npt.NDArray[np.int64]],
    watch: Watch = unwatched,
) -> str:
    """The sha256 of lists of strings and of arrays, each with its length, so that no two layouts coincide."""
    digest = hashlib.sha256()
    for strings in lists:
        digest.update(f"{len(strings)}\n".encode())
        for string in watch(strings, "taking the checksum of texts", len(strings)):
            content = string.encode()
            digest.update(f"{len(content)} ".encode() + content)
    for array in arrays:
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
