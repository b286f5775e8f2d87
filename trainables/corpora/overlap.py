"""Overlap: training items that share running text with a benchmark are found and dropped.

Only then is an evaluation on that benchmark zero-shot.

>>> from trainables.corpora.benchmark import Candidate, Query, benchmark
>>> text = "a passage of thirteen words or more that stands in both of the two sets"
>>> items = [PairItem("1", "1", {"en": "?"}, {"en": text}), PairItem("2", "2", {"en": "?"}, {"en": "another passage"})]
>>> judged = benchmark("toy", [Query("q", "en", "?")], [Candidate("c", "en", f"Here is {text}")], [[0]])
>>> found = find_overlap({"web": items}, [judged])
>>> found.counts(), [item.id for item in drop_overlap({"web": items}, found)["web"]]
({'web': {'toy': 1}}, ['2'])
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hashes import Hashes
from trainables.corpora.image_items import image_digest, image_text
from trainables.corpora.items import Items, PairItem
from trainables.corpora.meetings import Meeting, meetings
from trainables.corpora.shingles import KnownTexts, known_texts, overlapping
from trainables.corpora.texts import Texts, TextWriter
from trainables.errors import UserError
from trainables.watch import Watch, unwatched

EXAMPLES = 3
"""Texts that are shown of an overlap."""

PART_BYTES = 1 << 28
"""Evaluation texts whose shingles are held at a time, in up to ten times as many bytes (Chinese)."""


@dataclass(frozen=True)
class Overlap:
    """The training items that overlap with benchmarks."""

    items: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Per set and benchmark the ids of the overlapping items, in the order of the set; every pair has an entry."""
    meetings: Mapping[str, Mapping[str, tuple[Meeting, ...]]] = field(default_factory=dict)
    """Per set and benchmark the first texts that overlap, with what they share, `EXAMPLES` at most."""
    negatives: Mapping[str, Mapping[str, npt.NDArray[np.int64]]] = field(default_factory=dict)
    """Per set and benchmark the overlapping texts that are explicit negatives, by their number in the set."""

    def negative_counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of overlapping texts among the negatives per set and benchmark, where there are any."""
        counts = {
            n: {other: len(texts) for other, texts in of.items() if len(texts)} for n, of in self.negatives.items()
        }
        return {name: found for name, found in counts.items() if found}

    def counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of overlapping items per set and benchmark."""
        return {name: {other: len(ids) for other, ids in found.items()} for name, found in self.items.items()}

    def of_set(self, name: str) -> frozenset[str]:
        """Returns the ids of the items of a set that overlap with any benchmark; none for a set not looked at."""
        return frozenset(identifier for ids in self.items.get(name, {}).values() for identifier in ids)

    def of_benchmark(self, name: str) -> int:
        """Returns how many items of all sets overlap with a benchmark."""
        return sum(len(found.get(name, ())) for found in self.items.values())

    def examples(self, name: str) -> tuple[Meeting, ...]:
        """Returns the first overlaps with a benchmark, of whatever set."""
        return tuple(one for found in self.meetings.values() for one in found.get(name, ()))[:EXAMPLES]

    def and_with(self, other: "Overlap") -> "Overlap":
        """Returns the overlaps of the same sets with these and with other benchmarks."""
        return Overlap(
            {name: {**found, **other.items.get(name, {})} for name, found in self.items.items()},
            {name: {**found, **other.meetings.get(name, {})} for name, found in self.meetings.items()},
            {name: {**found, **other.negatives.get(name, {})} for name, found in self.negatives.items()},
        )


def find_overlap(
    sets: Mapping[str, Sequence[PairItem]],
    benchmarks: Sequence[Benchmark],
    exempt: Collection[tuple[str, str]] = (),
    watch: Watch = unwatched,
) -> Overlap:
    """Finds the training items that overlap with benchmarks.

    An item overlaps with a benchmark when its question or passage, in any language, shares running text (see
    `shingles`) with any query or candidate, or is an image of it, byte for byte. An explicit negative that does is
    found as well, and is no reason to lose its item. Memory: 9 to 17 bytes per distinct shingle of the benchmarks,
    whatever the size of the training sets. Of more than `PART_BYTES` of text the shingles are compared in parts: every
    part goes through all texts once more.

    Args:
        sets: items by name of the training set.
        benchmarks: benchmarks of different names.
        exempt: (set, benchmark) pairs that are not looked at and have no entry.
        watch: shows how far it is.
    """
    judged = {name: [b.name for b in benchmarks if (name, b.name) not in exempt] for name in sets}
    wanted = {other for others in judged.values() for other in others}
    texts = {b.name: Texts.joined([b.query_texts, b.candidate_texts]) for b in benchmarks if b.name in wanted}
    images = {b.name: _image_keys(b) for b in benchmarks if b.name in wanted and b.has_images}
    parts = max(1, -(-sum(own.size for own in texts.values()) // PART_BYTES))
    compared = {name: _Compared(name, items, judged[name]) for name, items in sets.items() if judged[name] and items}
    for part in range(parts if compared else 0):
        of = f" (part {part + 1} of {parts})" if parts > 1 else ""
        known = {
            name: known_texts(watch(own, f"looking at the texts of {name}{of}", len(own)), part, parts)
            for name, own in texts.items()
        }
        for one in compared.values():
            one.compare(known, watch, of)
    for one in compared.values():
        one.compare_images(images)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    met: dict[str, dict[str, tuple[Meeting, ...]]] = {}
    negatives: dict[str, dict[str, npt.NDArray[np.int64]]] = {}
    for name in sets:
        overlaps = {other: compared[name].found(other) if name in compared else _NOTHING for other in judged[name]}
        found[name] = {other: one.ids for other, one in overlaps.items()}
        met[name] = {other: _meetings(one.first, texts[other], watch) for other, one in overlaps.items()}
        negatives[name] = {other: one.negatives for other, one in overlaps.items()}
    return Overlap(found, met, negatives)


def _meetings(texts: Sequence[str], known: Sequence[str], watch: Watch) -> tuple[Meeting, ...]:
    """The texts that overlap, with what they meet; an image meets itself."""
    images = [text for text in texts if image_digest(text) is not None]
    in_words = meetings([text for text in texts if text not in images], known, watch)
    return (*in_words, *(Meeting("an image", "the same image") for _ in images))


def _image_keys(benchmark: Benchmark) -> Hashes:
    """What tells the texts that stand for the images of a benchmark."""
    sets = [images for images in (benchmark.query_images, benchmark.candidate_images) if images is not None]
    writer = TextWriter()
    for images in sets:
        for digest in images.digests():
            writer.add(image_text(digest))
    return _keys(writer.digests())


def _keys(digests: Hashes) -> Hashes:
    """Half of the 128 bits of every text, which is enough to tell a few images."""
    return digests[:, 0]


def drop_overlap(sets: Mapping[str, Sequence[PairItem]], overlap: Overlap) -> dict[str, Items]:
    """Returns the sets without their overlapping items and negatives; those that `overlap` does not know stay as they
    are.

    Raises:
        UserError: nothing is left of a set.
    """
    kept = {}
    for name, items in sets.items():
        dropped = overlap.of_set(name)
        own = Items.of(items)
        is_kept = np.fromiter((number not in dropped for number in own.ids), bool, len(own))
        if negatives := [texts for texts in overlap.negatives.get(name, {}).values() if len(texts)]:
            gone = np.zeros(len(own.texts), dtype=bool)
            gone[np.concatenate(negatives)] = True
            own = own.without_negatives(gone)
        kept[name] = own.take(is_kept) if dropped else own
        if dropped and not kept[name]:
            others = ", ".join(other for other, ids in overlap.items[name].items() if ids)
            raise UserError(
                f"Every item of the training set {name!r} shares text with {others}: leave out that set or benchmark, "
                "or keep such items with --keep-overlap (no longer zero-shot)."
            )
    return kept


@dataclass(frozen=True)
class _Found:
    """What of a set overlaps with a benchmark."""

    ids: tuple[str, ...]
    """Of items whose question or passage does."""
    first: Sequence[str]
    """The first of these texts."""
    negatives: npt.NDArray[np.int64]
    """Numbers of the negatives that do."""


_NOTHING = _Found((), (), np.zeros(0, dtype=np.int64))


class _Compared:
    """A set that is compared with benchmarks, part by part of their shingles."""

    def __init__(self, name: str, items: Sequence[PairItem], others: Sequence[str]) -> None:
        self._name, self._own = name, Items.of(items)
        self._pairs = (self._own.query, self._own.passage)
        # Each text once, however many items have it.
        self._used = np.unique(np.concatenate([column.text for column in (*self._pairs, self._own.negatives)]))
        self._shared = {other: np.zeros(len(self._used), dtype=bool) for other in others}

    def compare(self, known: Mapping[str, KnownTexts], watch: Watch, of: str) -> None:
        """Notes which texts share text with what is known of the benchmarks."""
        what = f"comparing {self._name} with {', '.join(self._shared)}{of}"
        texts = watch(self._own.texts.take(self._used), what, len(self._used))
        for other, shared in overlapping(texts, {other: known[other] for other in self._shared}).items():
            self._shared[other] |= shared

    def compare_images(self, known: Mapping[str, Hashes]) -> None:
        """Notes which texts stand for images of the benchmarks."""
        for other in self._shared.keys() & known.keys():
            self._shared[other] |= np.isin(_keys(self._own.texts.digests)[self._used], known[other])

    def found(self, other: str) -> _Found:
        """What overlaps with a benchmark."""
        own = self._own
        is_shared = np.zeros(len(own.texts), dtype=bool)
        is_shared[self._used] = self._shared[other]
        flagged = np.zeros(len(own), dtype=bool)
        of_pairs = np.zeros(len(own.texts), dtype=bool)
        for column in self._pairs:
            flagged[column.item[is_shared[column.text]]] = True
            of_pairs[column.text] = True
        first = own.texts.take(np.flatnonzero(is_shared & of_pairs)[:EXAMPLES])
        negatives = np.unique(own.negatives.text[is_shared[own.negatives.text]]).astype(np.int64)
        return _Found(tuple(own.ids.take(flagged)), list(first), negatives)
