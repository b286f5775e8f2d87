"""Many texts in few bytes: one after the other in UTF-8, each made a string when it is asked for.

>>> writer = TextWriter()
>>> [writer.add(text) for text in ("one", "zwei", "one")]
[0, 1, 0]
>>> texts = writer.texts()
>>> texts, texts[1], texts.take(np.array([1, 1])) == ["zwei", "zwei"]
(Texts('one', 'zwei'), 'zwei', True)
"""

import hashlib
import mmap
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from trainables.corpora.hashes import Hashes, Numbers
from trainables.corpora.normal_form import text_keys
from trainables.corpora.workplace import workplace

Buffer: TypeAlias = bytes | mmap.mmap

_CHUNK = 4096
"""Texts that are strings at a time while all of them are gone through."""
_IN_MEMORY = 1 << 26
"""Bytes of texts from which on they are moved to a file."""
_RECENT = 1 << 16
"""Texts among which one that is repeated is found and kept once."""
_SHOWN = 3


class Texts(Sequence[str]):
    """n texts: 14 bytes each beside their UTF-8, which may lie in files that are mapped."""

    def __init__(
        self,
        buffers: Sequence[Buffer] = (),
        buffer: npt.NDArray[np.int16] | None = None,
        start: Numbers | None = None,
        size: npt.NDArray[np.int32] | None = None,
    ) -> None:
        """Text i is `size[i]` bytes from `start[i]` on of `buffers[buffer[i]]`; without arguments there is none."""
        self._buffers = tuple(buffers)
        self._buffer = np.zeros(0, np.int16) if buffer is None else buffer
        self._start = np.zeros(0, np.int64) if start is None else start
        self._size = np.zeros(0, np.int32) if size is None else size

    @override
    def __len__(self) -> int:
        return len(self._start)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Texts": ...
    @override
    def __getitem__(self, index: int | slice) -> "str | Texts":
        if isinstance(index, slice):
            return self.take(index)
        start, size = int(self._start[index]), int(self._size[index])
        content = bytes(self._buffers[self._buffer[index]][start : start + size])
        return content.decode()

    @override
    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _CHUNK):
            columns = (column[first : first + _CHUNK].tolist() for column in (self._buffer, self._start, self._size))
            for buffer, start, size in zip(*columns, strict=True):
                yield self._buffers[buffer][start : start + size].decode()
            # The system may keep what was read of a file; this process need not hold it.
            for file in self._buffers:
                if isinstance(file, mmap.mmap):
                    file.madvise(mmap.MADV_DONTNEED)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    @override
    def __repr__(self) -> str:
        shown = [repr(text) for text in self[:_SHOWN]]
        return f"Texts({', '.join(shown)}{f', ... {len(self):,}' if len(self) > _SHOWN else ''})"

    @property
    def size(self) -> int:
        """Bytes of UTF-8 of all texts together."""
        return int(self._size.sum(dtype=np.int64))

    def take(self, index: slice | npt.NDArray[Any]) -> "Texts":
        """The texts at some places."""
        return Texts(self._buffers, self._buffer[index], self._start[index], self._size[index])

    @staticmethod
    def of(texts: Iterable[str]) -> "Texts":
        """The same texts, in memory."""
        writer = TextWriter()
        numbers = np.array([writer.add(text) for text in texts], dtype=np.int32)
        return writer.texts().take(numbers)

    @staticmethod
    def joined(parts: Sequence["Texts"]) -> "Texts":
        """Several runs of texts as one."""
        if not parts:
            return Texts()
        shifts = np.cumsum([0, *(len(part._buffers) for part in parts[:-1])]).tolist()
        return Texts(
            [buffer for part in parts for buffer in part._buffers],
            np.concatenate(
                [(part._buffer + shift).astype(np.int16) for part, shift in zip(parts, shifts, strict=True)]
            ),
            np.concatenate([part._start for part in parts]),
            np.concatenate([part._size for part in parts]),
        )


class KnownTexts(Texts):
    """Texts with what tells them apart."""

    def __init__(self, texts: Texts, digests: Hashes) -> None:
        """digests: [n, 2], 128 bits of every text: equal ones mean equal texts."""
        super().__init__(texts._buffers, texts._buffer, texts._start, texts._size)
        self.digests = digests

    @cached_property
    def keys(self) -> Hashes:
        """[n], hash of the normal form of every text."""
        return text_keys(workplace().watch(self, "finding equal texts", len(self)))

    @cached_property
    def first(self) -> npt.NDArray[np.int32]:
        """[n], the first text that equals each of them."""
        return first_equal(self.digests)

    @staticmethod
    def all_of(parts: Sequence["KnownTexts"]) -> "KnownTexts":
        """Several runs of texts as one."""
        if len(parts) == 1:
            return parts[0]
        none: Hashes = np.zeros((0, 2), np.uint64)
        found = KnownTexts(Texts.joined(parts), np.concatenate([none, *(part.digests for part in parts)]))
        found.keys = np.concatenate([none[:, 0], *(part.keys for part in parts)])
        return found


class TextWriter:
    """Takes in texts, one after the other.

    Args:
        folder: where they are kept once they are too many for memory, in a file without a name that is gone with the
            last who reads it; None: in memory all the same.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._held = bytearray()
        self._start, self._size, self._end = array("q"), array("i"), 0
        self._digests = bytearray()
        self._recent: dict[bytes, int] = {}

    def add(self, text: str) -> int:
        """Takes in a text; returns its number, an old one if it is among those that came last."""
        content = text.encode()
        digest = digest_of(content)
        number = self._recent.get(digest)
        if number is not None:
            return number
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        number = self._recent[digest] = len(self._start)
        self._digests += digest
        self._start.append(self._end)
        self._size.append(len(content))
        self._end += len(content)
        self._held += content
        if len(self._held) >= _IN_MEMORY:
            self._move()
        return number

    def texts(self) -> KnownTexts:
        """All texts; none is taken in any more."""
        buffer: Buffer
        if self._file is None:
            buffer = bytes(self._held)
        else:
            self._move()
            self._file.flush()
            buffer = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            self._file.close()
        size = len(self._start)
        # Without a copy, here and below.
        start, sizes = np.frombuffer(self._start, np.int64), np.frombuffer(self._size, np.int32)
        found = Texts([buffer], np.zeros(size, np.int16), start, sizes)
        return KnownTexts(found, self.digests())

    def digests(self) -> Hashes:
        """[n, 2], 128 bits of every text; none is taken in any more."""
        return np.frombuffer(self._digests, dtype=np.uint64).reshape(-1, 2)

    def _move(self) -> None:
        """Moves what is in memory to the file, if there may be one."""
        if self._file is None and self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115
        if self._file is not None:
            self._file.write(self._held)
            self._held.clear()


def digest_of(content: bytes) -> bytes:
    """The 128 bits that stand for a text."""
    return hashlib.blake2b(content, digest_size=16).digest()


def first_equal(digests: Hashes) -> npt.NDArray[np.int32]:
    """The first of the equal digests [n, 2] of every one: [n]."""
    order = np.lexsort((digests[:, 1], digests[:, 0])).astype(np.int32)
    is_first = np.ones(len(order), dtype=bool)
    for column in digests.T:
        ordered = column[order]
        is_first[1:] &= ordered[1:] == ordered[:-1]
    np.logical_not(is_first[1:], out=is_first[1:])
    # Lexsort is stable: of equal ones the first comes first.
    first = np.empty(len(order), dtype=np.int32)
    first[order] = order[is_first][np.cumsum(is_first, dtype=np.int32) - 1]
    return first


def places_of(wanted: Collection[str], digests: Hashes) -> dict[str, list[int]]:
    """Where texts stand among those of such digests [n, 2]: ascending places, by text; one that is absent has no entry.

    >>> writer = TextWriter()
    >>> numbers = [writer.add(text) for text in ("one", "two", "one")]
    >>> places_of(["one", "three"], writer.digests()[numbers])
    {'one': [0, 2]}
    """
    text_of = {digest_of(text.encode()): text for text in wanted}
    first_half = np.frombuffer(b"".join(text_of), dtype=np.uint64)[::2]
    found: dict[str, list[int]] = {}
    for place in np.flatnonzero(np.isin(digests[:, 0], first_half)).tolist():
        text = text_of.get(digests[place].tobytes())
        if text is not None:
            found.setdefault(text, []).append(place)
    return found
