"""A folder on a local disk or at a remote URI, with atomic writes.

Everything that a study leaves behind goes through `Folder`, so that `--storage` may be a path or any URI that
pyarrow can open (s3://, gs://, hdfs://, ...).
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyarrow import fs

from trainables.errors import UserError


class Folder:
    """A folder named by a path or URI. Cheap to pickle: only the location travels."""

    def __init__(self, location: str | Path) -> None:
        text = str(location).removeprefix("file://")
        self.location = text if "://" in text else str(Path(text).expanduser().absolute())

    def __repr__(self) -> str:
        return f"Folder({self.location!r})"

    def __reduce__(self) -> tuple[type["Folder"], tuple[str]]:
        return Folder, (self.location,)

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.location.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """The last part of the location."""
        return self.location.rstrip("/").rsplit("/", 1)[-1]

    @property
    def is_local(self) -> bool:
        """Whether the folder lies on a disk of this machine."""
        return "://" not in self.location

    @property
    def local_path(self) -> Path:
        """The folder as a path; raises ValueError for a remote one."""
        if not self.is_local:
            raise ValueError(f"{self.location} is not on a local disk")
        return Path(self.location)

    @cached_property
    def _filesystem(self) -> tuple[fs.FileSystem, str]:
        if self.is_local:
            return fs.LocalFileSystem(), self.location
        try:
            filesystem, path = fs.FileSystem.from_uri(self.location)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UserError(
                f"{self.location} is no folder or URI that can be opened ({error}): give a path, or a URI such as "
                "s3://bucket/folder, gs://bucket/folder or hdfs://host/folder."
            ) from error
        return filesystem, path.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._filesystem[1]}/{name}" if name else self._filesystem[1]

    def exists(self, name: str = "") -> bool:
        """Whether a file, or without name the folder itself, is there."""
        return bool(self._filesystem[0].get_file_info(self._path(name)).type != fs.FileType.NotFound)

    def modified(self, name: str = "") -> float:
        """Seconds since the epoch of the last change, 0 if there is no such file."""
        info = self._filesystem[0].get_file_info(self._path(name))
        return float(info.mtime.timestamp()) if info.mtime is not None else 0.0

    def names(self) -> list[str]:
        """The names of the files and folders inside, sorted; empty if the folder does not exist."""
        selector = fs.FileSelector(self._path(""), allow_not_found=True)
        return sorted(info.base_name for info in self._filesystem[0].get_file_info(selector))

    def read_bytes(self, name: str) -> bytes:
        """The content of a file; raises FileNotFoundError."""
        with self._filesystem[0].open_input_stream(self._path(name)) as stream:
            return bytes(stream.read())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file whole or not at all: a reader never sees a half-written one."""
        if self.is_local:
            target = self.local_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            try:
                with temporary.open("wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            return
        # Object stores make a file visible when its stream is closed.
        with self._filesystem[0].open_output_stream(self._path(name)) as stream:
            stream.write(content)

    def read_json(self, name: str) -> Any:
        """The value in a JSON file; raises FileNotFoundError and ValueError."""
        return json.loads(self.read_bytes(name))

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file whole or not at all; raises ValueError for NaN and infinity."""
        self.write_bytes(name, (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode())

    def remove(self, name: str) -> None:
        """Removes a file, if it exists."""
        if self.exists(name):
            self._filesystem[0].delete_file(self._path(name))

    def delete(self) -> None:
        """Removes the folder with all it holds, if it exists."""
        if self.exists():
            self._filesystem[0].delete_dir(self._path(""))

    @contextmanager
    def downloaded(self) -> Iterator[Path]:
        """The folder as a local path for the time of the block: itself when local, else a temporary copy."""
        if self.is_local:
            yield self.local_path
            return
        with TemporaryDirectory() as temporary:
            fs.copy_files(self._path(""), temporary, source_filesystem=self._filesystem[0])
            yield Path(temporary)

    @contextmanager
    def uploaded(self) -> Iterator[Path]:
        """An empty local folder to fill in the block, which then takes this folder's place at once."""
        if self.is_local:
            temporary_path = self.local_path.with_name(f".{self.local_path.name}.{uuid.uuid4().hex}")
            temporary_path.mkdir(parents=True)
            try:
                yield temporary_path
                # The old folder steps aside first: whoever is killed in between leaves one of the two whole.
                old = temporary_path.with_suffix(".old")
                if self.local_path.exists():
                    self.local_path.replace(old)
                temporary_path.replace(self.local_path)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                shutil.rmtree(temporary_path, ignore_errors=True)
            return
        with TemporaryDirectory() as temporary:
            yield Path(temporary)
            fs.copy_files(temporary, self._path(""), destination_filesystem=self._filesystem[0])
