"""Embeddings of many texts in a file that need not fit in memory; what a killed run has written is computed once."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import ScoreArray

SHARD = 2**16
"""Texts that are encoded and written together."""

_EMBEDDINGS, _SHARDS = "embeddings", "shards.jsonl"


class EmbeddingFile:
    """Float32 [n, d] in shards of `SHARD` texts, with a list of the shards that were written and their checksums.

    Args:
        folder: where the embeddings of one evaluation lie, by themselves.
        content: whatever they follow from; a file of other content begins anew.
        texts: n.
        dimension: d.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, content: str, texts: int, dimension: int) -> None:
        self._folder = folder / hashlib.sha256(content.encode()).hexdigest()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / _EMBEDDINGS
        with path.open("ab") as file:
            file.truncate(4 * texts * dimension)
        self._map = np.memmap(path, dtype=np.float32, mode="r+", shape=(texts, dimension))
        self._written = set(self._whole_shards())

    @property
    def embeddings(self) -> ScoreArray:
        """[n, d], memory-mapped; what has not been written has no meaning."""
        return self._map

    def missing(self) -> Iterator[range]:
        """Yields the texts of each shard that has not been written, or not whole."""
        for start in range(0, len(self._map), SHARD):
            if start not in self._written:
                yield range(start, min(start + SHARD, len(self._map)))

    def write(self, texts: range, embeddings: npt.NDArray[np.float32]) -> None:
        """Writes the embeddings of a shard."""
        self._map[texts.start : texts.stop] = embeddings
        # The list must not name what the disk does not hold yet.
        self._map.flush()
        with (self._folder / _SHARDS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"start": texts.start, "sha256": _checksum(embeddings)}) + "\n")
        self._written.add(texts.start)

    def delete(self) -> None:
        """Removes the file; embeddings that are in use stay readable."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _whole_shards(self) -> Iterator[int]:
        try:
            lines = (self._folder / _SHARDS).read_text("utf-8").splitlines()
        except (OSError, UnicodeError):
            return
        for line in lines:
            try:
                shard = json.loads(line)
                start, checksum = int(shard["start"]), shard["sha256"]
            except (ValueError, KeyError, TypeError):
                continue
            if _checksum(self._map[start : start + SHARD]) == checksum:
                yield start


def _checksum(embeddings: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(embeddings).data).hexdigest()
