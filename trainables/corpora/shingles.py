"""Running text in common: what a text shares with known ones, told by hashes of runs of it.

Texts are compared in normal form (`normal_form`), so that punctuation, case, invisible characters and optional marks
make no difference; texts without letters and digits share nothing. A text shares text with a known one if it holds

- a run of 13 words of it, or a run of 30 characters of which at least half belong to scripts written without spaces:
  the run decides, not the text's language, since languages mix;
- or, where the known text is too short for such a run, all of it, anywhere: one of 4 words or more, or one of 16
  characters of which at least half belong to such scripts (an ideograph counts as two, since it says as much);
- or, where it is shorter still, but has 3 words or 6 such characters, if it is nothing else: within longer texts such
  phrases are common.

>>> known = known_texts(["He died in Rouen in the year of 1087.", "Who won?"])
>>> texts = ["A long reign! he died, in Rouen, in the year of 1087; his sons divided the land", "Who won?"]
>>> overlapping(texts, {"test": known})["test"].tolist()
[True, False]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.corpora.hashes import Hashes, Numbers, Runs, mix
from trainables.corpora.normal_form import END, Chunk, is_ideograph, is_written_without_spaces, normal_chunks

WORDS = 13
CHARACTERS = 30
LEAST_WORDS = 4
LEAST_CHARACTERS = 16
WHOLE_WORDS = 3
WHOLE_CHARACTERS = 6

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class KnownTexts:
    """The hashes by which running text of known texts is found; 9 to 24 bytes each."""

    runs: "_Hashes"
    """Of 13 words and of 30 characters, and of short texts as a whole."""
    words: "_ShortTexts"
    """Texts that are too short for a run of words."""
    characters: "_ShortTexts"
    """Texts that are too short for a run of characters."""


def known_texts(texts: Iterable[str], part: int = 0, parts: int = 1) -> KnownTexts:
    """The index of known texts, or one of several parts of it: a text shares text with known ones if any part says so.

    Args:
        texts: the known texts.
        part: which part, from 0.
        parts: how many there are; each holds as many of the runs.
    """
    runs, words, characters = [np.zeros(0, dtype=np.uint64)], [_NO_ROWS], [_NO_ROWS]
    for chunk in normal_chunks(texts, symbols=False):
        found = _Chunk(chunk)
        runs += [np.unique(hashes[hashes % np.uint64(parts) == part]) for hashes, _ in found.shingles]
        if part:
            # Short texts are few.
            continue
        words.append(found.words.short_texts(LEAST_WORDS, ~found.is_dense & ~found.has_run))
        telling = found.is_dense & (found.weight >= LEAST_CHARACTERS)
        characters.append(found.characters.short_texts(_ANCHOR, telling & ~found.has_run))
    joined = np.concatenate(runs)
    runs.clear()
    return KnownTexts(_Hashes(joined), _ShortTexts(np.concatenate(words)), _ShortTexts(np.concatenate(characters)))


def overlapping(texts: Iterable[str], known: Mapping[str, KnownTexts]) -> dict[str, Flags]:
    """Which of n texts share running text with known ones: bool [n] by name."""
    parts: dict[str, list[Flags]] = {name: [np.zeros(0, dtype=bool)] for name in known}
    for chunk in normal_chunks(texts, symbols=False):
        found = _Chunk(chunk)
        for name, own in known.items():
            parts[name].append(found.shared_with(own))
    return {name: np.concatenate(part) for name, part in parts.items()}


_NO_ROWS = np.zeros((0, 4), dtype=np.uint64)
_WORD_RUN, _CHARACTER_RUN, _WHOLE_TEXT = np.uint64(1), np.uint64(2), np.uint64(3)
_ANCHOR = LEAST_CHARACTERS // 2
"""Characters of a run by which a short text is found."""
_LONGEST_WHOLE = 200
"""Characters of a text that is compared as a whole: longer ones have runs."""


class _Chunk:
    """The hashed runs of a chunk of texts."""

    def __init__(self, chunk: Chunk) -> None:
        codes, starts = chunk.codes, chunk.starts
        self._codes = codes
        is_end = codes == END
        ends = np.flatnonzero(is_end)
        lengths = ends - starts
        owner = np.cumsum(is_end) - is_end
        without_spaces = is_written_without_spaces(codes)
        self.characters = _Sequence(Runs(mix(codes)), owner, starts, lengths, without_spaces)
        # Words end where a script without spaces begins, too: no space is left there.
        is_gap = is_end | (codes == ord(" "))
        changes = np.concatenate([[True], (is_gap[1:] != is_gap[:-1]) | (without_spaces[1:] != without_spaces[:-1])])
        bounds = np.append(np.flatnonzero(changes), len(codes))
        is_word = ~is_gap[bounds[:-1]]
        first, last = bounds[:-1][is_word], bounds[1:][is_word]
        words = Runs(self.characters.runs.hashes(first, last - first))
        count = np.bincount(owner[first], minlength=len(starts))
        self.words = _Sequence(words, owner[first], np.cumsum(count) - count, count, None)
        dense = self.characters.dense_in(starts, lengths)
        self.is_dense = (2 * dense >= lengths) & (lengths > 0)
        """[t], whether most of a text is in scripts written without spaces."""
        enough = np.where(self.is_dense, dense >= WHOLE_CHARACTERS, count >= WHOLE_WORDS)
        whole = np.flatnonzero(enough & (lengths <= _LONGEST_WHOLE))
        runs = [
            (mix(hashes ^ kind), sequence.owner[places])
            for sequence, width, kind in ((self.words, WORDS, _WORD_RUN), (self.characters, CHARACTERS, _CHARACTER_RUN))
            for places, hashes in [sequence.hashed(width)]
        ]
        self.has_run = np.zeros(len(starts), dtype=bool)
        """[t], whether a text is long enough to be known by its runs."""
        for _, texts in runs:
            self.has_run[texts] = True
        self.shingles = [
            *runs,
            (mix(self.characters.runs.hashes(starts[whole], lengths[whole]) ^ _WHOLE_TEXT), whole),
        ]
        """Hashes of runs and of whole texts, each with the text that has it."""

    @property
    def weight(self) -> Numbers:
        """[t], characters of a text, ideographs counted twice."""
        starts, lengths = self.characters.first, self.characters.count
        ideographs = np.concatenate([[0], np.cumsum(is_ideograph(self._codes))])
        weight: Numbers = lengths + ideographs[starts + lengths] - ideographs[starts]
        return weight

    def shared_with(self, known: KnownTexts) -> Flags:
        """Which texts share running text with known ones: bool [t]."""
        shared = np.zeros(len(self.has_run), dtype=bool)
        for hashes, texts in self.shingles:
            shared[texts[known.runs.hold(hashes)]] = True
        for short, sequence, width in (
            (known.words, self.words, LEAST_WORDS),
            (known.characters, self.characters, _ANCHOR),
        ):
            shared[short.found_in(sequence, width)] = True
        return shared


class _Sequence:
    """The words, or the characters, of several texts one after the other."""

    def __init__(
        self, runs: Runs, owner: Numbers, first: Numbers, count: Numbers, dense: npt.NDArray[np.bool_] | None
    ) -> None:
        """A sequence of n values of t texts.

        Args:
            runs: hashes of the values.
            owner: [n], the text of each value.
            first: [t], where the values of a text start.
            count: [t], how many it has.
            dense: [n], which belong to scripts written without spaces: only runs of which half do so count; None: all.
        """
        self.runs, self.owner, self.first, self.count = runs, owner, first, count
        self._dense_before = None if dense is None else np.concatenate([[0], np.cumsum(dense)])
        self._hashed: dict[int, tuple[Numbers, Hashes]] = {}

    def dense_in(self, starts: Numbers, lengths: int | Numbers) -> Numbers:
        """How many values of runs belong to scripts written without spaces."""
        before = self._dense_before
        return np.zeros(len(starts), dtype=np.int64) if before is None else before[starts + lengths] - before[starts]

    def hashed(self, width: int) -> tuple[Numbers, Hashes]:
        """Where the runs of a width start that lie in one text, and their hashes."""
        if width not in self._hashed:
            size = max(len(self.owner) - width + 1, 0)
            before = self._dense_before
            if before is None:
                starts = np.flatnonzero(self.owner[:size] == self.owner[len(self.owner) - size :])
            elif before[-1] == 0:
                starts = np.zeros(0, dtype=np.int64)
            else:
                starts = np.flatnonzero(2 * (before[width:] - before[:-width]) >= width)
            # The line break that ends a text is one of its characters.
            starts = starts[starts + width <= self.first[self.owner[starts]] + self.count[self.owner[starts]]]
            self._hashed[width] = starts, self.runs.hashes(starts, width)
        return self._hashed[width]

    def short_texts(self, width: int, wanted: Flags) -> npt.NDArray[np.uint64]:
        """Of wanted texts that have a run of a width: the first such run, its place, and the length and hash of all."""
        places, hashes = self.hashed(width)
        texts, first = np.unique(self.owner[places], return_index=True)
        kept = wanted[texts]
        texts, first = texts[kept], first[kept]
        starts, lengths = self.first[texts], self.count[texts]
        columns = [hashes[first], places[first] - starts, lengths, self.runs.hashes(starts, lengths)]
        return np.stack([column.astype(np.uint64) for column in columns], axis=1)


class _Hashes:
    """A set of hashes that is asked for many others, of which few are in it."""

    def __init__(self, hashes: Hashes) -> None:
        """hashes: in any order, and sorted in their place: of very many there is no room for a copy."""
        hashes.sort()
        is_first = np.ones(len(hashes), dtype=bool)
        np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
        self._hashes = hashes[is_first]
        # What is not in this table is not in the set; most others are.
        self._bits = min(26, max(10, int(16 * len(self._hashes)).bit_length()))
        self._table = np.zeros(1 << self._bits, dtype=bool)
        self._table[self._slot(self._hashes)] = True

    def hold(self, values: Hashes) -> Flags:
        """Which of the values are in the set."""
        found = self._table[self._slot(values)]
        likely = np.flatnonzero(found)
        if len(likely):
            place = np.minimum(np.searchsorted(self._hashes, values[likely]), len(self._hashes) - 1)
            found[likely] = self._hashes[place] == values[likely]
        return found

    def _slot(self, values: Hashes) -> Hashes:
        return values >> np.uint64(64 - self._bits)


class _ShortTexts:
    """Short texts, found anywhere by a run of theirs."""

    def __init__(self, rows: npt.NDArray[np.uint64]) -> None:
        """rows: [m, 4], the hash of a run, its place in the text, the length and the hash of the text."""
        rows = np.unique(rows, axis=0)
        self._run, self._place, self._length, self._whole = (np.ascontiguousarray(column) for column in rows.T)
        self._runs = _Hashes(self._run.copy())

    def found_in(self, sequence: _Sequence, width: int) -> Numbers:
        """The texts that hold one of these as a whole; `width` is that of their runs."""
        if len(self._run) == 0:
            return np.zeros(0, dtype=np.int64)
        places, hashes = sequence.hashed(width)
        likely = np.flatnonzero(self._runs.hold(hashes))
        places, hashes = places[likely], hashes[likely]
        row, last = (np.searchsorted(self._run, hashes, side=side) for side in ("left", "right"))
        found = [np.zeros(0, dtype=np.int64)]
        while len(places):
            starts = places - self._place[row].astype(np.int64)
            lengths = self._length[row].astype(np.int64)
            texts = sequence.owner[places]
            first = sequence.first[texts]
            fits = np.flatnonzero((starts >= first) & (starts + lengths <= first + sequence.count[texts]))
            same = sequence.runs.hashes(starts[fits], lengths[fits]) == self._whole[row[fits]]
            found.append(texts[fits[same]])
            # Several of them may have the same run.
            row = row + 1
            more = row < last
            places, row, last = places[more], row[more], last[more]
        return np.concatenate(found)
