"""The candidates of a benchmark in columns: as many as a disk holds.

>>> writer = CandidateWriter()
>>> writer.add("1", "en", "Rome is in Italy.")
>>> writer.add("2", "fr", "Paris est la capitale.")
>>> found = writer.candidates()
>>> found.ids, found.texts[1], found.languages, found.language.tolist()
(Texts('1', '2'), 'Paris est la capitale.', ('en', 'fr'), [0, 1])
"""

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.corpora.hashes import Hashes
from trainables.corpora.texts import Texts, TextWriter


@dataclass(frozen=True, eq=False)
class Candidates:
    """C candidates."""

    ids: Texts
    digests: Hashes
    """[C, 2], 128 bits of every id: equal ones mean equal ids."""
    texts: Texts
    languages: tuple[str, ...]
    """In the order in which they first occur."""
    language: npt.NDArray[np.int32]
    """[C], index into `languages`."""

    def __len__(self) -> int:
        return len(self.language)


class CandidateWriter:
    """Takes in candidates, one after the other.

    Args:
        folder: where texts are kept once they are too many for memory; None: in memory. Ids are in memory: whoever
            evaluates somewhere else may be sent them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._ids, self._texts = TextWriter(), TextWriter(folder)
        self._id, self._text, self._language = array("i"), array("i"), array("i")
        self._languages: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._language)

    def add(self, identifier: str, language: str, text: str) -> None:
        """Takes in a candidate."""
        self._id.append(self._ids.add(identifier))
        self._text.append(self._texts.add(text))
        self._language.append(self._languages.setdefault(language, len(self._languages)))

    def candidates(self) -> Candidates:
        """All candidates; none is taken in any more."""
        ids, texts = self._ids.texts(), self._texts.texts()
        # Where none was repeated they are numbered in their order, and need no copy.
        id_number, text_number = (
            slice(None) if len(own) == len(number) else np.frombuffer(number, np.int32)
            for own, number in ((ids, self._id), (texts, self._text))
        )
        return Candidates(
            ids.take(id_number),
            ids.digests[id_number],
            texts.take(text_number),
            tuple(self._languages),
            np.frombuffer(self._language, np.int32),
        )
