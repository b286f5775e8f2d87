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
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from trainables.corpora.groups import Numbers, joined, numbered
from trainables.corpora.negatives import NO_NEGATIVES, NegativeTexts, group_of_form, negative_texts
from trainables.corpora.normal_form import text_keys


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
class TrainingData:
    """The items of one or several training sets on one language axis and one table of distinct texts.

    n items, L languages, absent texts are -1.
    """

    set_names: tuple[str, ...]
    languages: tuple[str, ...]
    item_ids: tuple[str, ...]
    set_of_item: npt.NDArray[np.int32]
    """[n], index into `set_names`; items of a set are contiguous, sets in the order of `set_names`."""
    group_of_item: npt.NDArray[np.int64]
    """[n], group number; items with a text in common, also of different sets, are one group"""
    groups_in_files: int
    """How many groups the files name; those of different sets are different."""
    texts: tuple[str, ...]
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


def training_data(sets: Mapping[str, Sequence[PairItem]]) -> TrainingData:
    """Builds the training data of several named sets; the order of sets and items is kept.

    >>> item = PairItem("1", "g", {"en": "What is it?"}, {"en": "A thing.", "de": "Ein Ding."})
    >>> data = training_data({"mine": [item]})
    >>> data.languages, data.query_text.tolist(), data.passage_text.tolist()
    (('de', 'en'), [[-1, 0]], [[2, 1]])
    """
    languages = tuple(
        sorted({lang for items in sets.values() for i in items for lang in (*i.query, *i.passage, *i.negatives)})
    )
    column = {language: position for position, language in enumerate(languages)}
    size = sum(len(items) for items in sets.values())
    texts: dict[str, int] = {}
    groups: dict[tuple[int, str], int] = {}
    query_text = np.full((size, len(languages)), -1, dtype=np.int32)
    passage_text = np.full((size, len(languages)), -1, dtype=np.int32)
    set_of_item = np.zeros(size, dtype=np.int32)
    group_in_file = np.zeros(size, dtype=np.int64)
    item_ids: list[str] = []
    for set_number, items in enumerate(sets.values()):
        for item in items:
            row = len(item_ids)
            item_ids.append(item.id)
            set_of_item[row] = set_number
            group_in_file[row] = groups.setdefault((set_number, item.group), len(groups))
            for language, text in item.query.items():
                query_text[row, column[language]] = texts.setdefault(text, len(texts))
            for language, text in item.passage.items():
                passage_text[row, column[language]] = texts.setdefault(text, len(texts))
    # After all questions and passages, so that data without negatives are numbered alike with and without this.
    rows = [
        (row, column[language], [texts.setdefault(text, len(texts)) for text in item.negatives[language]])
        for row, item in enumerate(item for items in sets.values() for item in items)
        for language in sorted(item.negatives)
        if item.negatives[language]
    ]
    text_form = numbered(text_keys(texts))
    forms = forms_of_items(np.concatenate([query_text, passage_text], axis=1), text_form)
    group_of_item = joined(size, (np.arange(size), group_in_file), forms)
    negatives = _negatives(rows, group_of_item, forms, text_form)
    arrays = (set_of_item, group_of_item, query_text, passage_text, *negatives.arrays)
    digest = fingerprint([tuple(sets), languages, item_ids, tuple(texts)], arrays)
    return TrainingData(
        set_names=tuple(sets),
        languages=languages,
        item_ids=tuple(item_ids),
        set_of_item=set_of_item,
        group_of_item=group_of_item,
        groups_in_files=len(groups),
        texts=tuple(texts),
        query_text=query_text,
        passage_text=passage_text,
        text_form=text_form.astype(np.int32),
        negatives=negatives,
        fingerprint=digest,
    )


def _negatives(
    rows: Sequence[tuple[int, int, Sequence[int]]],
    group_of_item: Numbers,
    forms: tuple[Numbers, Numbers],
    text_form: npt.NDArray[np.integer],
) -> NegativeTexts:
    if not rows:
        return NO_NEGATIVES
    owner = np.repeat([item for item, _, _ in rows], [len(texts) for _, _, texts in rows])
    text = np.array([text for _, _, texts in rows for text in texts])
    groups = group_of_form(group_of_item, *forms, int(text_form.max()) + 1)
    return negative_texts(rows, groups[text_form[text]] == group_of_item[owner])


def forms_of_items(table: npt.NDArray[np.int32], text_form: npt.NDArray[np.integer]) -> tuple[Numbers, Numbers]:
    """The normal forms of the texts [n, L] of items, -1 where there is none, as (item, form), two arrays of one
    length.
    """
    items, columns = np.nonzero(table >= 0)
    return items, text_form[table[items, columns]].astype(np.int64)


def fingerprint(lists: Iterable[Sequence[str]], arrays: Iterable[npt.NDArray[np.int32] | npt.NDArray[np.int64]]) -> str:
    """The sha256 of lists of strings and of arrays, each with its length, so that no two layouts coincide."""
    digest = hashlib.sha256()
    for strings in lists:
        digest.update(f"{len(strings)}\n".encode())
        for string in strings:
            content = string.encode()
            digest.update(f"{len(content)} ".encode() + content)
    for array in arrays:
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
