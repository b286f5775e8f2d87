"""Shingles of running text, hashed: runs of 13 words, or of 30 characters in scripts without spaces.

Texts are compared after NFKC, lower-casing and folding of white space. The shingles of a text are

- every run of 13 words (a word is what stands between spaces);
- every run of 30 characters of which at least half belong to a script written without spaces (Han, Kana, Bopomofo,
  Thai, Lao, Khmer, Myanmar): the run decides, not the text's language, since languages mix;
- if it has neither, the whole text, provided that it has 5 words, or 12 characters of such scripts making up at least
  half of it: shorter ones are stock phrases.
"""

import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

WORDS = 13
CHARACTERS = 30
WHOLE_WORDS = 5
WHOLE_CHARACTERS = 12

_Hashes = npt.NDArray[np.uint64]
_Numbers = npt.NDArray[np.int64]

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo extended
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAA7F),  # Myanmar extended A
    (0xF900, 0xFAFF),  # Han compatibility
    (0x20000, 0x3FFFF),  # Han extensions B and later
)
_CHUNK = 1 << 19
"""Characters hashed at a time; about 100 bytes of memory each."""

_BASE = np.uint64(0xC2B2AE3D27D4EB4F)
_CHARACTER_RUN, _WORD_RUN, _WHOLE_TEXT = np.uint64(1), np.uint64(2), np.uint64(3)


def normalised(text: str) -> str:
    """Returns the text in the form in which texts are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def shingles(texts: Iterable[str]) -> Iterator[tuple[_Hashes, _Numbers]]:
    """Hashes the shingles of texts, a chunk of texts at a time.

    >>> ((hashes, numbers),) = shingles(["too short", "a text of five words"])
    >>> len(hashes), numbers.tolist()
    (1, [1])

    A hash has 64 bits and is the same in every process; two different shingles share one with probability 2^-64.

    Yields:
        (hashes, numbers of the texts that have them), two arrays of one length.
    """
    chunk: list[str] = []
    size = first = 0
    for text in texts:
        chunk.append(normalised(text))
        size += len(chunk[-1]) + 1
        if size >= _CHUNK:
            hashes, owners = _chunk_shingles(chunk)
            yield hashes, owners + first
            first += len(chunk)
            chunk, size = [], 0
    if chunk:
        hashes, owners = _chunk_shingles(chunk)
        yield hashes, owners + first


def _chunk_shingles(texts: list[str]) -> tuple[_Hashes, _Numbers]:
    """The texts are normalised, so that a line break can end each of them."""
    codes = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    is_end = codes == ord("\n")
    text_of_character = np.cumsum(is_end) - is_end
    mixed = _mix(codes.astype(np.uint64))

    dense = np.zeros(len(codes), dtype=bool)
    for low, high in _WITHOUT_SPACES:
        dense |= (codes >= low) & (codes <= high)
    dense_before = np.concatenate([[0], np.cumsum(dense)])
    starts = np.arange(max(len(codes) - CHARACTERS, 0))
    within = text_of_character[starts] == text_of_character[starts + CHARACTERS]
    starts = starts[within & (2 * (dense_before[starts + CHARACTERS] - dense_before[starts]) >= CHARACTERS)]
    character_runs = _run_hashes(mixed, starts, CHARACTERS, _CHARACTER_RUN)
    character_owners = text_of_character[starts]

    is_gap = is_end | (codes == ord(" "))
    word_starts = np.flatnonzero(~is_gap & np.concatenate([[True], is_gap[:-1]]))
    words = _segment_hashes(np.where(is_gap, np.uint64(0), mixed), word_starts)
    text_of_word = text_of_character[word_starts]
    starts = np.arange(max(len(words) - WORDS + 1, 0))
    starts = starts[text_of_word[starts] == text_of_word[starts + WORDS - 1]]
    word_runs = _run_hashes(words, starts, WORDS, _WORD_RUN)
    word_owners = text_of_word[starts]

    # Texts without words cannot be counted as whole ones, so that every whole text is a segment of words.
    with_words, first_words, word_counts = np.unique(text_of_word, return_index=True, return_counts=True)
    dense_counts = np.bincount(text_of_character[dense], minlength=len(texts))[with_words]
    lengths = np.bincount(text_of_character[~is_end], minlength=len(texts))[with_words]
    long_enough = (word_counts >= WHOLE_WORDS) | ((dense_counts >= WHOLE_CHARACTERS) & (2 * dense_counts >= lengths))
    whole = long_enough & ~np.isin(with_words, character_owners) & ~np.isin(with_words, word_owners)
    whole_texts = _mix(_segment_hashes(words, first_words)[whole] ^ _WHOLE_TEXT)

    return (
        np.concatenate([character_runs, word_runs, whole_texts]),
        np.concatenate([character_owners, word_owners, with_words[whole]]),
    )


def _run_hashes(values: _Hashes, starts: _Numbers, width: int, kind: np.uint64) -> _Hashes:
    """One hash per run of `width` values."""
    result = np.full(len(starts), kind)
    for offset in range(width):
        result = result * _BASE + values[starts + offset]
    return _mix(result)


def _segment_hashes(values: _Hashes, starts: _Numbers) -> _Hashes:
    """One hash per segment; a segment ends where the next one starts, and zeros at its end do not count."""
    if len(starts) == 0:
        return np.zeros(0, dtype=np.uint64)
    lengths = np.diff(starts, append=len(values))
    powers = np.cumprod(np.full(lengths.max(), _BASE))
    offsets = np.arange(starts[0], len(values)) - np.repeat(starts, lengths)
    return _mix(np.add.reduceat(values[starts[0] :] * powers[offsets], starts - starts[0]))


def _mix(values: _Hashes) -> _Hashes:
    """The finaliser of SplitMix64: neighbouring numbers become unrelated ones."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
