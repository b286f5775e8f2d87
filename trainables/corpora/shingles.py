"""Fingerprints of running text: hashed shingles of 13 words, or of 30 characters in scripts without spaces.

Texts are compared after NFKC, lower-casing and folding of white space. The fingerprints of a text are

- every run of 13 words (a word is what stands between spaces);
- every run of 30 characters of which at least half belong to a script written without spaces (Han, Kana, Bopomofo,
  Thai, Lao, Khmer, Myanmar): the run decides, not the text's language, since languages mix;
- if it has neither, the whole text, provided that it has 5 words, or 12 characters of such scripts making up at least
  half of it: shorter ones are stock phrases.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt

WORDS = 13
CHARACTERS = 30
WHOLE_WORDS = 5
WHOLE_CHARACTERS = 12

_Hashes = npt.NDArray[np.uint64]

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
