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

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.items import Items, PairItem
from trainables.corpora.meetings import Meeting, meetings
from trainables.corpora.shingles import KnownTexts, known_texts, overlapping
from trainables.errors import UserError
from trainables.watch import Watch, unwatched

EXAMPLES = 3
"""Texts that are shown of an overlap."""


@dataclass(frozen=True)
class Overlap:
    """The training items that overlap with benchmarks."""

    items: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Per set and benchmark the ids of the overlapping items, in the order of the set; every pair has an entry."""
    meetings: Mapping[str, Mapping[str, tuple[Meeting, ...]]] = field(default_factory=dict)
    """Per set and benchmark the first texts that overlap, with what they share, `EXAMPLES` at most."""

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
        )


def find_overlap(
    sets: Mapping[str, Sequence[PairItem]],
    benchmarks: Sequence[Benchmark],
    exempt: Collection[tuple[str, str]] = (),
    watch: Watch = unwatched,
) -> Overlap:
    """Finds the training items that overlap with benchmarks.

    An item overlaps with a benchmark when any of its texts, hard negatives included, in any language, shares running
    text (see `shingles`) with any query or candidate. Memory: 9 to 17 bytes per distinct shingle of a benchmark,
    whatever the size of the training sets.

    Args:
        sets: items by name of the training set.
        benchmarks: benchmarks of different names.
        exempt: (set, benchmark) pairs that are not looked at and have no entry.
        watch: shows how far it is.
    """
    judged = {name: [b.name for b in benchmarks if (name, b.name) not in exempt] for name in sets}
    wanted = {other for others in judged.values() for other in others}
    texts = {b.name: (*b.query_texts, *b.candidate_texts) for b in benchmarks if b.name in wanted}
    known = {name: known_texts(own) for name, own in texts.items()}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    met: dict[str, dict[str, tuple[Meeting, ...]]] = {}
    for name, items in sets.items():
        overlaps = _overlapping(name, items, {other: known[other] for other in judged[name]}, watch)
        found[name] = {other: ids for other, (ids, _) in overlaps.items()}
        met[name] = {other: meetings(first, texts[other]) for other, (_, first) in overlaps.items()}
    return Overlap(found, met)


def drop_overlap(sets: Mapping[str, Sequence[PairItem]], overlap: Overlap) -> dict[str, Items]:
    """Returns the sets without their overlapping items; sets that `overlap` does not know stay as they are.

    Raises:
        UserError: nothing is left of a set.
    """
    kept = {}
    for name, items in sets.items():
        dropped = overlap.of_set(name)
        own = Items.of(items)
        is_kept = np.fromiter((number not in dropped for number in own.ids), bool, len(own))
        kept[name] = own.take(is_kept) if dropped else own
        if dropped and not kept[name]:
            others = ", ".join(other for other, ids in overlap.items[name].items() if ids)
            raise UserError(
                f"Every item of the training set {name!r} shares text with {others}: leave out that set or benchmark, "
                "or keep such items with --keep-overlap (no longer zero-shot)."
            )
    return kept


def _overlapping(
    name: str, items: Sequence[PairItem], known: Mapping[str, KnownTexts], watch: Watch
) -> dict[str, tuple[tuple[str, ...], list[str]]]:
    """The ids of the items that overlap with each benchmark, and the first of their texts that do."""
    if not known or not items:
        return dict.fromkeys(known, ((), []))
    own = Items.of(items)
    columns = (own.query, own.passage, own.negatives)
    # Each text once, however many items have it.
    used = np.unique(np.concatenate([column.text for column in columns]))
    texts = watch(own.texts.take(used), f"comparing {name} with {', '.join(known)}", len(used))
    found = {}
    for other, shared in overlapping(texts, known).items():
        is_shared = np.zeros(len(own.texts), dtype=bool)
        is_shared[used] = shared
        flagged = np.zeros(len(own), dtype=bool)
        for column in columns:
            flagged[column.item[is_shared[column.text]]] = True
        found[other] = tuple(own.ids.take(flagged)), list(own.texts.take(used[shared][:EXAMPLES]))
    return found
