"""Arrays kept on disk, named by the content that they follow from.

Studies share them; two that make one at a time both succeed. What is damaged is made again.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     cache = ArrayCache(Path(folder))
...     first = cache.arrays("of 3", lambda: {"squares": [np.arange(2) ** 2, np.array([4])]})
...     again = cache.arrays("of 3", lambda: {"squares": []})
...     first["squares"].tolist(), again["squares"].tolist()
([0, 1, 4], [0, 1, 4])
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Parts: TypeAlias = Iterable[Array]
"""One array in parts, so that it need not fit in memory while it is made."""

_MANIFEST = "arrays.json"
_UNFINISHED = ".unfinished-"
_LONG_AGO_SECONDS = 7 * 86_400
_READ_BYTES = 1 << 22


class ArrayCache:
    """A folder with one folder per entry: one-dimensional arrays, each in a raw file, and their checksums.

    Args:
        folder: created when the first entry is written, for nobody else to read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arrays(self, content: str, make: Callable[[], Mapping[str, Parts]]) -> dict[str, Array]:
        """Returns the arrays of an entry, memory-mapped and read-only; makes them if they are not there or damaged.

        Args:
            content: whatever the arrays follow from; equal strings must mean equal arrays.
            make: returns the arrays by name, each as its parts, one after the other.

        Raises:
            OSError: the folder cannot be written.
        """
        entry = self._folder / hashlib.sha256(content.encode()).hexdigest()
        found = _read(entry)
        if found is not None:
            return found
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep(entry)
        unfinished = Path(mkdtemp(prefix=_UNFINISHED, dir=self._folder))
        try:
            found = _mapped(unfinished, _write(unfinished, make()))
            # Somebody else may have been faster. What is mapped stays readable even when its name is gone.
            with suppress(OSError):
                unfinished.rename(entry)
            return found
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _sweep(self, entry: Path) -> None:
        """Takes away a damaged entry, and what processes that were killed long ago have left."""
        shutil.rmtree(entry, ignore_errors=True)
        for left in self._folder.glob(f"{_UNFINISHED}*"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _LONG_AGO_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)


def _write(folder: Path, arrays: Mapping[str, Parts]) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    for name, parts in arrays.items():
        digest, size, kind = hashlib.sha256(), 0, np.dtype(np.int64)
        with (folder / name).open("wb") as file:
            for part in parts:
                content = np.ascontiguousarray(part).tobytes()
                digest.update(content)
                file.write(content)
                size, kind = size + len(part), part.dtype
            file.flush()
            os.fsync(file.fileno())
        manifest[name] = {"dtype": kind.str, "size": size, "sha256": digest.hexdigest()}
    (folder / _MANIFEST).write_text(json.dumps(manifest))
    return manifest


def _read(entry: Path) -> dict[str, Array] | None:
    """The arrays of an entry; None unless it is there and whole."""
    try:
        manifest = json.loads((entry / _MANIFEST).read_bytes())
        if all(_checksum(entry / name) == held["sha256"] for name, held in manifest.items()):
            return _mapped(entry, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def _mapped(entry: Path, manifest: Mapping[str, Mapping[str, Any]]) -> dict[str, Array]:
    # A file without a byte cannot be mapped.
    return {
        name: np.memmap(entry / name, dtype=held["dtype"], mode="r", shape=(held["size"],))
        if held["size"]
        else np.zeros(0, dtype=held["dtype"])
        for name, held in manifest.items()
    }


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while content := file.read(_READ_BYTES):
            digest.update(content)
    return digest.hexdigest()
