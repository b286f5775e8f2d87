"""The substrings that a Unigram tokenizer's training starts from."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SPACE = "▁"
"""Stands for the space before a word, as in sentencepiece."""

LONGEST = 16
"""Characters of the longest piece, as in sentencepiece."""


def count_words(texts: Sequence[str]) -> Counter[str]:
    """Returns how often each stretch without space and punctuation occurs, with `SPACE` in front where one was."""
    alphabet = set().union(*texts)
    breaks = {character: "\n" for character in alphabet if unicodedata.category(character)[0] in "PS"}
    table = str.maketrans(breaks | {" ": f"\n{SPACE}"})
    return Counter(
        word for text in texts for word in f" {text}".translate(table).split("\n") if word not in ("", SPACE)
    )


def repeated_substrings(words: Mapping[str, int], characters: int, fewest: int) -> dict[str, int]:
    """Returns the substrings of 2 to 16 characters that occur at least `fewest` times, with their counts.

    One that is always followed by the same character is left out: the longer one stands for it. Only the most frequent
    words, up to `characters` in all, are read. An n-gram is named after the name of its first n - 1 characters and its
    last one, so the counts are exact (Karp, Miller and Rosenberg 1972).
    """
    chosen, weights = _most_frequent(words, characters)
    text = "\0".join(chosen) + "\0"
    weight = np.repeat(weights, [len(word) + 1 for word in chosen])
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    letter = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    # The separator is letter 0, so that no n-gram reaches beyond its word.
    positions = np.flatnonzero(letter)
    name = letter[positions]
    shorter = _Grams(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    found: dict[str, int] = {}
    for length in range(2, LONGEST + 2):
        inside = letter[np.minimum(positions + length - 1, len(letter) - 1)] > 0
        positions, name = positions[inside], name[inside]
        pair = name * (int(letter.max()) + 1) + letter[positions + length - 1]
        _, first, number = np.unique(pair, return_index=True, return_inverse=True)
        counts = np.bincount(number, weights=weight[positions]).astype(np.int64)
        if length > 2:
            longer = np.zeros(len(shorter.counts), dtype=np.int64)
            np.maximum.at(longer, name[first], counts)
            for gram in np.flatnonzero(shorter.counts > longer):
                start = shorter.starts[gram]
                found[text[start : start + length - 1]] = int(shorter.counts[gram])
        kept = counts >= fewest
        shorter = _Grams(positions[first][kept], counts[kept])
        alive = kept[number]
        positions, name = positions[alive], (np.cumsum(kept) - 1)[number[alive]]
    return found


class _Grams(NamedTuple):
    starts: npt.NDArray[np.int64]
    """Where each n-gram first occurs."""
    counts: npt.NDArray[np.int64]


def _most_frequent(words: Mapping[str, int], characters: int) -> tuple[list[str], list[int]]:
    chosen: list[str] = []
    weights: list[int] = []
    for word, count in Counter(words).most_common():
        characters -= len(word)
        if characters < 0 and chosen:
            break
        chosen.append(word)
        weights.append(count)
    return chosen, weights
