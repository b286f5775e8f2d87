"""The substrings that a Unigram tokenizer's training starts from."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

SPACE = "▁"
"""Stands for the space before a word, as in sentencepiece."""

LONGEST = 16
"""Characters of the longest piece, as in sentencepiece."""


def count_words(texts: Sequence[str]) -> Counter[str]:
    """Returns how often each stretch without space and punctuation occurs, with `SPACE` in front where one was."""
    alphabet = set().union(*texts)
    breaks = {character: "\n" for character in alphabet if unicodedata.category(character)[0] in "PS"}
    table = str.maketrans(breaks | {" ": f"\n{SPACE}"})
    return Counter(word for text in texts for word in f" {text}".translate(table).split("\n") if word not in ("", SPACE))


def repeated_substrings(words: Mapping[str, int], characters: int) -> dict[str, int]:
    """Returns the substrings of 2 to 16 characters that occur more than once, with their counts.

    One that is always followed by the same character is left out: the longer one stands for it. Only the most frequent
    words, up to `characters` in all, are read. Names of n-grams are built from names of (n - 1)-grams, so the counts are
    exact (Karp, Miller, Rosenberg 1972).
    """
    chosen, weights = _most_frequent(words, characters)
    text = "\0".join(chosen) + "\0"
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    weight = np.repeat(weights, [len(word) + 1 for word in chosen])
    letter = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    # Separators have letter 0, so that no n-gram reaches beyond its word.
    positions = np.flatnonzero(letter)
    name = letter[positions]
    found: dict[str, int] = {}
    previous: tuple[np.ndarray, np.ndarray] | None = None
    for length in range(2, LONGEST + 2):
        inside = positions + length - 1 < len(letter)
        positions, name = positions[inside], name[inside]
        last = letter[positions + length - 1]
        positions, name, last = positions[last > 0], name[last > 0], last[last > 0]
        _, first, named = np.unique(name * (letter.max() + 1) + last, return_index=True, return_inverse=True)
        counts = np.bincount(named, weights=weight[positions]).astype(np.int64)
        if previous is not None:
            start, total = previous
            longest_child = np.zeros(len(total), dtype=np.int64)
            np.maximum.at(longest_child, name[first], counts)
            for at, count in zip(start[total > longest_child], total[total > longest_child], strict=True):
                found[text[at : at + length - 1]] = int(count)
        kept = counts > 1
        renamed = np.cumsum(kept) - 1
        previous = (positions[first][kept], counts[kept])
        alive = kept[named]
        positions, name = positions[alive], renamed[named[alive]]
    return found


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
