"""The normal form of a text, by which the whole project decides whether two texts are the same.

Groups of the batches, the dev split, repeated passages and the guard against overlap all compare texts in this form. It
keeps letters, the marks that belong to them, and digits:

- Unicode compatibility form (NFKC) and case folding; every digit by its value; the dotless i as an i.
- Punctuation, symbols, control characters and white space are one space between words. Beside scripts that are written
  without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar, Tibetan, ...) there is none.
- What no reader sees is dropped: format characters (category Cf), variation selectors, fillers, marks without a letter.
- Marks that a script may leave out are dropped: Arabic vowel signs, hamza on a carrier and tatweel, Hebrew and Syriac
  points, Indic nuktas, Greek accents, Cyrillic stress and the dots of the letter io. Arabic letters that are written
  for one another are one letter: alef wasla, alef maqsura, teh marbuta, Persian kaf and yeh.

Accents of Latin letters, Thai and Indic vowel signs and Vietnamese tones tell words apart and stay. A text of nothing
but punctuation, symbols or pictograms is its compatibility form without invisible characters.

>>> normal_form("  Who WAS\\u00a0the duke, in the “battle” of Hast\\u00adings ?")
'who was the duke in the battle of hastings'
>>> normal_form("桥， 建于 19 世纪。"), normal_form("الكِتَابُ ١٢"), normal_form("C'est l'été !")
('桥建于19世纪', 'الكتاب 12', 'c est l été')
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from trainables.corpora.hashes import mix, segment_hashes

Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

END = ord("\n")
"""What ends every text of a chunk."""

_SPACE = ord(" ")
_CHUNK = 1 << 19
"""Characters that are worked on at a time, about 100 bytes of memory each."""

_LAST = 0x110000

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo extended
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA980, 0xA9FF),  # Javanese, Myanmar extended B
    (0xAA60, 0xAADF),  # Myanmar extended A, Tai Viet
    (0xF900, 0xFAFF),  # Han compatibility
    (0x1AFF0, 0x1B16F),  # Kana extensions
    (0x20000, 0x3FFFF),  # Han extensions B and later
)

_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))

_INVISIBLE = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xE0000, 0xE0FFF),  # tags, variation selectors
)
"""Invisible characters beside those of category Cf."""

_OPTIONAL_MARKS = (
    (0x0300, 0x0301),  # stress, where it is not part of a composed letter
    (0x0307, 0x0307),  # dot that case folding leaves of the Turkish capital i
    (0x0313, 0x0314),  # Greek breathings
    (0x0342, 0x0342),  # Greek circumflex
    (0x0591, 0x05C7),  # Hebrew points and accents
    (0x0610, 0x061A),  # Arabic signs
    (0x0640, 0x0640),  # tatweel
    (0x064B, 0x065F),  # Arabic vowel signs, madda, hamza
    (0x0670, 0x0670),  # superscript alef
    (0x06D6, 0x06ED),  # Koranic signs
    (0x0711, 0x0711),  # Syriac superscript alaph
    (0x0730, 0x074A),  # Syriac points
    (0x0898, 0x08FF),  # Arabic extended
    (0x093C, 0x093C),  # nuktas
    (0x0951, 0x0954),  # Vedic accents
    (0x09BC, 0x09BC),
    (0x0A3C, 0x0A3C),
    (0x0ABC, 0x0ABC),
    (0x0B3C, 0x0B3C),
    (0x0CBC, 0x0CBC),
)
"""Marks that scripts leave out, and tatweel."""

_WITHOUT_MARKS = ((0x0370, 0x03FF), (0x1F00, 0x1FFF), (0x0600, 0x06FF), (0x0900, 0x0DFF))
"""Greek, Arabic and Indic letters stand for the letter that they are composed of."""

_ONE_LETTER = {
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
    "ة": "ه",
    "ہ": "ه",
    "ۃ": "ه",
    "ە": "ه",
    "ё": "е",
    "ѐ": "е",
    "ѝ": "и",
    "ँ": "ं",
    "ı": "i",
}
"""Letters that are written for one another."""

_APOSTROPHES = "ʹʺʻʼʽˈˊˋ"
"""Modifier letters that stand for an apostrophe or an accent of its own."""


def normal_form(text: str) -> str:
    """The normal form of one text; `text_keys` is much faster for many."""
    (chunk,) = normal_chunks([text], symbols=True)
    return chunk.codes[:-1].tobytes().decode("utf-32-le", "surrogatepass")


def text_keys(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """A hash of the normal form of every text: [n]. Different forms share one with probability 2^-64."""
    keys = [
        segment_hashes(np.where(chunk.codes == END, 0, mix(chunk.codes)), chunk.starts)
        for chunk in normal_chunks(texts, symbols=True)
    ]
    return np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Several texts in normal form, each of them ended by a line break."""

    codes: Codes
    """[m], code points"""
    starts: npt.NDArray[np.int64]
    """[t], where each text starts"""
    first: int
    """Number of the first text."""


def normal_chunks(texts: Iterable[str], *, symbols: bool) -> Iterator[Chunk]:
    """The normal forms of texts, some at a time; those of nothing but `symbols` are empty unless they are wanted."""
    held: list[str] = []
    size = first = 0
    for text in texts:
        held.append(text)
        size += len(text) + 1
        if size >= _CHUNK:
            yield _chunk(held, first, symbols)
            first += len(held)
            held, size = [], 0
    if held:
        yield _chunk(held, first, symbols)


def is_written_without_spaces(codes: Codes) -> Flags:
    """Which characters belong to a script that is written without spaces."""
    found: Flags = (_flags()[codes] & _DENSE).astype(bool)
    return found


def is_ideograph(codes: Codes) -> Flags:
    """Which characters are Han, each a word or a part of one that means something."""
    found: Flags = (_flags()[codes] & _HAN).astype(bool)
    return found


_INVISIBLE_FLAG, _DENSE, _MARK, _HAN, _COMPOSED = (np.uint8(1 << bit) for bit in range(5))


def _chunk(texts: list[str], first: int, symbols: bool) -> Chunk:
    joined = "".join([f"{text.replace(chr(END), ' ')}\n" for text in texts])
    codes = _encoded(joined)
    invisible = (_flags()[codes] & _INVISIBLE_FLAG).astype(bool)
    if invisible.any():
        joined = codes[~invisible].tobytes().decode("utf-32-le", "surrogatepass")
        codes = _encoded(joined)
    codes = _letters()[_folded(codes, joined)]
    codes = _single_spaces(_without_lone_marks(_single_spaces(codes[codes != 0])))
    ends = np.flatnonzero(codes == END)
    starts = np.concatenate([[0], ends[:-1] + 1])
    empty = np.flatnonzero(starts == ends)
    if symbols and len(empty):
        return _with_symbols(texts, codes, starts, empty, first)
    return Chunk(codes, starts, first)


def _folded(codes: Codes, joined: str) -> Codes:
    """The compatibility form and case folding of several texts, each of them ended by a line break.

    Where every character stands for itself, a table gives it; texts with others, such as marks that are composed with
    what they follow, are folded one by one.
    """
    together = np.flatnonzero(_flags()[codes] & _COMPOSED)
    if len(together):
        ends = np.flatnonzero(codes == END)
        texts = joined.split("\n")
        for number in np.unique(np.searchsorted(ends, together)).tolist():
            folded = unicodedata.normalize("NFKC", texts[number]).casefold()
            texts[number] = unicodedata.normalize("NFKC", folded)
        codes = _encoded("\n".join(texts))
    folded_codes: Codes = _single_folds()[codes]
    return folded_codes


def _encoded(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _without_lone_marks(codes: Codes) -> Codes:
    """Leaves out marks at the beginning of a word, such as those that an accent of its own decomposes to."""
    while True:
        is_gap = (codes == _SPACE) | (codes == END)
        lone = (_flags()[codes] & _MARK).astype(bool) & np.concatenate([[True], is_gap[:-1]])
        if not lone.any():
            return codes
        codes = codes[~lone]


def _single_spaces(codes: Codes) -> Codes:
    """One space between words; none at the ends of a text and beside scripts that are written without."""
    is_space = codes == _SPACE
    is_gap = is_space | (codes == END)
    codes = codes[~(is_space & np.concatenate([[True], is_gap[:-1]]))]
    dense = is_written_without_spaces(codes)
    before, after = np.concatenate([[False], dense[:-1]]), np.concatenate([dense[1:], [False]])
    is_last = np.concatenate([codes[1:] == END, [False]])
    kept: Codes = codes[~((codes == _SPACE) & (before | after | is_last))]
    return kept


def _with_symbols(
    texts: list[str], codes: Codes, starts: npt.NDArray[np.int64], empty: npt.NDArray[np.int64], first: int
) -> Chunk:
    """The same chunk in which texts without letters and digits are their compatibility forms."""
    parts = np.split(codes, starts[1:])
    for number in empty.tolist():
        visible = _encoded(texts[number])
        visible = visible[(_flags()[visible] & _INVISIBLE_FLAG) == 0]
        form = unicodedata.normalize("NFKC", visible.tobytes().decode("utf-32-le", "surrogatepass")).casefold()
        parts[number] = _encoded(" ".join(form.split()) + "\n")
    lengths = [len(part) for part in parts]
    return Chunk(np.concatenate(parts), np.cumsum([0, *lengths[:-1]]), first)


@cache
def _flags() -> npt.NDArray[np.uint8]:
    """What kind of character every code point is."""
    flags = np.zeros(_LAST, dtype=np.uint8)
    for low, high in _WITHOUT_SPACES:
        flags[low : high + 1] |= _DENSE
    for low, high in _IDEOGRAPHS:
        flags[low : high + 1] |= _HAN
    for low, high in _INVISIBLE:
        flags[low : high + 1] |= _INVISIBLE_FLAG
    for code, category in _categories():
        if category == "Cf":
            flags[code] |= _INVISIBLE_FLAG
        elif category[0] == "M":
            flags[code] |= _MARK | _COMPOSED
    # Vowels and final consonants of Hangul are composed with what they follow.
    flags[0x1160:0x1200] |= _COMPOSED
    for code in _characters():
        folded = _fold(chr(code))
        if len(folded) != 1 or flags[ord(folded)] & _COMPOSED:
            flags[code] |= _COMPOSED
    return flags


@cache
def _single_folds() -> Codes:
    """The character that stands for every code point which is folded on its own; others stay."""
    table = np.arange(_LAST, dtype=np.uint32)
    for code in _characters():
        folded = _fold(chr(code))
        if len(folded) == 1:
            table[code] = ord(folded)
    return table


def _fold(character: str) -> str:
    """Compatibility form and case folding, again and again until nothing changes."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    return folded if folded == character else _fold(folded)


@cache
def _letters() -> Codes:
    """What stands for every code point: a letter, mark or digit, a space, or 0 where it is dropped."""
    table = np.arange(_LAST, dtype=np.uint32)
    for code, category in _categories():
        if category[0] in "PSZ" or category == "Cc":
            table[code] = _SPACE
        elif category == "Nd":
            table[code] = ord(str(unicodedata.decimal(chr(code))))
    for low, high in _WITHOUT_MARKS:
        for code in range(low, high + 1):
            base = unicodedata.normalize("NFD", chr(code))[0]
            if unicodedata.category(base)[0] == "L":
                table[code] = ord(base)
    for low, high in _OPTIONAL_MARKS:
        for code in range(low, high + 1):
            if unicodedata.category(chr(code)) == "Mn" or chr(code) == "ـ":
                table[code] = 0
    for letter, other in _ONE_LETTER.items():
        table[ord(letter)] = ord(other)
    for letter in _APOSTROPHES:
        table[ord(letter)] = _SPACE
    table[(_flags() & _INVISIBLE_FLAG) > 0] = 0
    table[END] = END
    return table


def _characters() -> Iterator[int]:
    """The code points that may be assigned; the planes between Han and the tags hold none."""
    yield from range(0x33480)
    yield from range(0xE0000, 0xE1000)


@cache
def _categories() -> list[tuple[int, str]]:
    """The code points with their category, but for letters and those not assigned."""
    found = ((code, unicodedata.category(chr(code))) for code in _characters())
    return [(code, category) for code, category in found if category[0] not in "LC" or category in ("Cc", "Cf")]
