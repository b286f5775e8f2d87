"""A dev benchmark held out of the training sets, for sets that bring none of their own.

>>> items = [PairItem(str(n), str(n), {"en": f"q{n}", "de": f"f{n}"}, {"en": f"p{n}"}) for n in range(30)]
>>> kept, dev = split_dev({"web": items})
>>> len(kept["web"]), dev.name, len(dev.query_texts), len(dev.candidate_texts)
(27, 'dev', 6, 3)
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.groups import Numbers, joined
from trainables.corpora.image_items import image_digest, images_by_digest
from trainables.corpora.image_text import Caption, ImageTexts, image_to_text
from trainables.corpora.images import HeldImages, Images
from trainables.corpora.items import Items, PairItem
from trainables.corpora.pairs import AlignedItems, aligned, forms_of_items
from trainables.corpora.texts import digest_of
from trainables.errors import UserError


def split_dev(
    sets: Mapping[str, Sequence[PairItem]],
    share: float = 0.1,
    max_items: int = 200,
    seed: int = 0,
    images: Sequence[Images] = (),
) -> tuple[dict[str, Items], Benchmark]:
    """Splits training sets into what is trained on and a dev benchmark.

    Whole groups are held out; items that have a text in common, also in different sets, are in one group (see
    `trainables.corpora.pairs`). Groups are ordered by a hash of (seed, set, group), so that the order within files does
    not matter. Again and again the language with the fewest held-out queries gets the first group left that has a query
    in it and still fits. Rare languages are thus covered first, but a language whose only group is a large part of its
    set stays in training.

    Items that have a question text in common, in normal form, ask one question: one query per language, and all their
    passages are relevant to it. `parallel_id` is the id of its first item (`set/id` where sets share ids). The
    candidates are the held-out passages, each text once per language; relevant are those that have the text of one of
    the question's passages.

    Args:
        sets: items by name of the training set.
        share: the largest part of its items that a set gives, above 0 and below 1; one item at least, never all.
        max_items: how many items all sets give together at most.
        seed: of the order of the groups.
        images: those that the items name. The dev set is then that of images that search captions.

    Returns:
        The sets without the held-out items, and those as a benchmark called `dev`.

    Raises:
        UserError: share or max_items is out of range, or the data have too few groups.
    """
    if not 0 < share < 1:
        raise UserError(f"The dev share is {share}: choose a number between 0 and 1, such as 0.1.")
    if max_items < 1:
        raise UserError(f"The dev set may have {max_items} items: allow at least one.")
    tables = {name: Items.of(items) for name, items in sets.items()}
    data = aligned(tables)
    room = [min(max(1, int(share * len(items))), len(items) - 1) for items in tables.values()]
    clusters = _Clusters(tables, data, seed)
    members = [clusters.members(cluster) for cluster in _chosen(clusters, room, max_items)]
    if not members:
        raise UserError(
            f"No dev set of {share:.0%} of each training set and at most {max_items} items can be held out: there are "
            f"{len(clusters)} groups without a common text and the smallest has {clusters.smallest} items, so give "
            "more data, finer groups, a larger dev share or an own dev set."
        )
    held_out = np.concatenate(members)
    kept = np.ones(len(data.set_of_item), dtype=bool)
    kept[held_out] = False
    bounds = np.searchsorted(data.set_of_item, np.arange(len(tables) + 1)).tolist()
    parts = zip(tables.items(), pairwise(bounds), strict=True)
    remaining = {name: own.take(kept[first:end]) for (name, own), (first, end) in parts}
    if images:
        return remaining, _image_benchmark_of(held_out.tolist(), list(tables), data, images)
    return remaining, _benchmark_of(held_out.tolist(), list(tables), data)


def _image_benchmark_of(
    held_out: Sequence[int], sets: Sequence[str], data: AlignedItems, images: Sequence[Images]
) -> Benchmark:
    """Every image is called like its first item."""
    number: dict[int, int] = {}
    names: list[str] = []
    captions: list[Caption] = []
    for row in held_out:
        passages = data.passage_text[row]
        image = int(passages[passages >= 0][0])
        if image not in number:
            number[image] = len(names)
            prefix = f"{sets[data.set_of_item[row]]}/" if len(sets) > 1 else ""
            names.append(f"{prefix}{data.item_ids[row]}")
        for language, text in zip(data.languages, data.query_text[row].tolist(), strict=True):
            if text >= 0:
                captions.append(Caption(number[image], language, data.texts[text]))
    digests = [image_digest(data.texts[text]) or "" for text in number]
    held = HeldImages(tuple(images_by_digest(images, digests)), "dev")
    return image_to_text("dev", ImageTexts(names, [IMAGE] * len(names), held, captions))


class _Clusters:
    """Groups, each held out as a whole or not at all."""

    def __init__(self, tables: Mapping[str, Items], data: AlignedItems, seed: int) -> None:
        self._names, self._data = list(tables), data
        self._by_cluster = np.argsort(data.group_of_item, kind="stable")
        self._start = np.searchsorted(data.group_of_item[self._by_cluster], np.arange(len(self) + 1))
        self.order = self._ranked(tables, seed)
        """Numbers of the clusters in the order in which they are offered for holding out."""
        self.has_query = np.zeros((len(self), len(data.languages)), dtype=bool)
        """[clusters, L], whether it has a question in a language."""
        for language, texts in enumerate(data.query_text.T):
            self.has_query[data.group_of_item[texts >= 0], language] = True

    def __len__(self) -> int:
        return int(self._data.group_of_item.max(initial=-1)) + 1

    @property
    def smallest(self) -> int:
        """Items of the smallest one."""
        return int(np.diff(self._start).min(initial=len(self._by_cluster))) if len(self) else 0

    def sizes(self) -> list[int]:
        """[clusters], items of each."""
        sizes: list[int] = np.diff(self._start).tolist()
        return sizes

    def numbers(self, cluster: int) -> Numbers:
        """The items of a cluster in the order of the data."""
        return self._by_cluster[self._start[cluster] : self._start[cluster + 1]]

    def members(self, cluster: int) -> Numbers:
        """The items of a cluster in the order of the names of their sets and of their ids."""
        data = self._data
        key = {n: (self._names[data.set_of_item[n]], data.item_ids[n]) for n in self.numbers(cluster).tolist()}
        return np.array(sorted(key, key=key.__getitem__), dtype=np.int64)

    def sets(self, cluster: int) -> Counter[int]:
        """How many items a cluster has of each set."""
        return Counter(self._data.set_of_item[self.numbers(cluster)].tolist())

    def queries(self, cluster: int) -> Numbers:
        """[L], how many questions a cluster has in each language."""
        found: Numbers = (self._data.query_text[self.numbers(cluster)] >= 0).sum(axis=0)
        return found

    def _ranked(self, tables: Mapping[str, Items], seed: int) -> Numbers:
        """By a hash of (seed, set, group), the smallest one of a cluster."""
        data = self._data
        _, representative = np.unique(data.group_in_file, return_index=True)
        first_of_set = np.searchsorted(data.set_of_item, np.arange(len(tables) + 1)).tolist()
        digests = bytearray()
        for (name, own), (first, end) in zip(tables.items(), pairwise(first_of_set), strict=True):
            mine = representative[(representative >= first) & (representative < end)] - first
            prefix = f"{seed}\0{name}\0"
            for group in own.groups.take(own.group[mine]):
                digests += digest_of(f"{prefix}{group}".encode())
        # As numbers they are in the order of the bytes.
        high, low = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64).reshape(-1, 2).T
        cluster = data.group_of_item[representative]
        # Groups of a file are numbered in its order: those of a set follow each other.
        order = np.lexsort((low, high))
        _, best = np.unique(cluster[order], return_index=True)
        found: Numbers = cluster[order][np.sort(best)]
        return found


def _chosen(clusters: _Clusters, room_of_set: Sequence[int], room: int) -> Iterator[int]:
    room_left = Counter(dict(enumerate(room_of_set)))
    languages = clusters.has_query.shape[1]
    held_queries = np.zeros(languages, dtype=np.int64)
    taken: set[int] = set()
    sizes = clusters.sizes()
    # What does not fit now never will, so that each queue is walked once.
    queues = {
        language: iter(clusters.order[clusters.has_query[clusters.order, language]].tolist())
        for language in range(languages)
        if clusters.has_query[:, language].any()
    }
    while queues and room:
        language = min(queues, key=lambda number: (held_queries[number], number))
        for number in queues[language]:
            if number not in taken and sizes[number] <= room and clusters.sets(number) <= room_left:
                taken.add(number)
                room -= sizes[number]
                room_left -= clusters.sets(number)
                held_queries += clusters.queries(number)
                yield number
                break
        else:
            del queues[language]


def _benchmark_of(held_out: Sequence[int], names: Sequence[str], data: AlignedItems) -> Benchmark:
    uses = Counter(data.item_ids[row] for row in held_out)
    question_of_item = joined(len(data.set_of_item), forms_of_items(data.query_text, data.text_form))
    candidates: dict[tuple[str, int], Candidate] = {}
    number_of_form: dict[int, list[int]] = {}
    queries: dict[tuple[int, str], Query] = {}
    answers: dict[int, set[int]] = {}
    parallel_id: dict[int, str] = {}
    for row in held_out:
        identifier = data.item_ids[row]
        if uses[identifier] > 1:
            identifier = f"{names[data.set_of_item[row]]}/{identifier}"
        question = int(question_of_item[row])
        parallel_id.setdefault(question, identifier)
        for language, text in zip(data.languages, data.passage_text[row].tolist(), strict=True):
            if text < 0:
                continue
            form = int(data.text_form[text])
            answers.setdefault(question, set()).add(form)
            if (language, form) not in candidates:
                number_of_form.setdefault(form, []).append(len(candidates))
                candidates[language, form] = Candidate(f"{language}:{identifier}", language, data.texts[text])
        for language, text in zip(data.languages, data.query_text[row].tolist(), strict=True):
            if text >= 0:
                queries.setdefault((question, language), Query(parallel_id[question], language, data.texts[text]))
    relevant = [[number for form in answers[question] for number in number_of_form[form]] for question, _ in queries]
    return benchmark("dev", list(queries.values()), list(candidates.values()), relevant)
