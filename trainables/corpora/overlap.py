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

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.pairs import PairItem
from trainables.corpora.shingles import KnownTexts, known_texts, overlapping
from trainables.errors import UserError


@dataclass(frozen=True)
class Overlap:
    """The training items that overlap with benchmarks."""

    items: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Per set and benchmark the ids of the overlapping items, in the order of the set; every pair has an entry."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of overlapping items per set and benchmark."""
        return {name: {other: len(ids) for other, ids in found.items()} for name, found in self.items.items()}

    def of_set(self, name: str) -> frozenset[str]:
        """Returns the ids of the items of a set that overlap with any benchmark; none for a set not looked at."""
        return frozenset(identifier for ids in self.items.get(name, {}).values() for identifier in ids)


def find_overlap(
    sets: Mapping[str, Sequence[PairItem]],
    benchmarks: Sequence[Benchmark],
    exempt: Collection[tuple[str, str]] = (),
) -> Overlap:
    """Finds the training items that overlap with benchmarks.

    An item overlaps with a benchmark when any of its texts, hard negatives included, in any language, shares running
    text (see `shingles`) with any query or candidate. Memory: 9 to 17 bytes per distinct shingle of a benchmark,
    whatever the size of the training sets.

    Args:
        sets: items by name of the training set.
        benchmarks: benchmarks of different names.
        exempt: (set, benchmark) pairs that are not looked at and have no entry.
    """
    judged = {name: [b.name for b in benchmarks if (name, b.name) not in exempt] for name in sets}
    wanted = {other for others in judged.values() for other in others}
    known = {b.name: known_texts((*b.query_texts, *b.candidate_texts)) for b in benchmarks if b.name in wanted}
    return Overlap(
        {name: _overlapping(items, {other: known[other] for other in judged[name]}) for name, items in sets.items()}
    )


def drop_overlap(sets: Mapping[str, Sequence[PairItem]], overlap: Overlap) -> dict[str, list[PairItem]]:
    """Returns the sets without their overlapping items; sets that `overlap` does not know stay as they are.

    Raises:
        UserError: nothing is left of a set.
    """
    kept = {}
    for name, items in sets.items():
        dropped = overlap.of_set(name)
        kept[name] = [item for item in items if item.id not in dropped]
        if dropped and not kept[name]:
            others = ", ".join(other for other, ids in overlap.items[name].items() if ids)
            raise UserError(
                f"Every item of the training set {name!r} shares text with {others}: leave out that set or benchmark, "
                "or keep such items with --keep-overlap (no longer zero-shot)."
            )
    return kept


def _overlapping(items: Sequence[PairItem], known: Mapping[str, KnownTexts]) -> dict[str, tuple[str, ...]]:
    if not known or not items:
        return dict.fromkeys(known, ())
    starts = np.cumsum([0, *(sum(1 for _ in _texts([item])) for item in items[:-1])])
    shared = overlapping(_texts(items), known)
    return {
        name: tuple(items[number].id for number in np.flatnonzero(np.logical_or.reduceat(texts, starts)).tolist())
        for name, texts in shared.items()
    }


def _texts(items: Sequence[PairItem]) -> Iterator[str]:
    for item in items:
        yield from item.query.values()
        yield from item.passage.values()
        for negatives in item.negatives.values():
            yield from negatives
