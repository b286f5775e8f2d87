"""A folder on a local disk or at a remote URI, with atomic writes.

Everything that a study leaves behind goes through `Folder`, so that `--storage` may be a path or any URI that
pyarrow can open (s3://, gs://, hdfs://, ...).

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as path:
...     study = Folder(path) / "study"
...     study.write_json("status.json", {"state": "running"})
...     study.names(), study.read_json("status.json")
(['status.json'], {'state': 'running'})
"""

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Concatenate, ParamSpec, TypeVar

import pyarrow as pa
from pyarrow import fs

from trainables.errors import UserError, one_line
from trainables.home import with_home
from trainables.plain_files import check_no_link, create, open_to_append, open_to_read

_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{32}")
"""What `_temporary` names: nobody but its writer wants it, and a writer that was killed leaves it behind."""

_CHUNK_BYTES = 1 << 20

_RETRY = "retry_limit_seconds"
_RETRY_SECONDS, _SOON_SECONDS = 60, 2

PATIENCE_SECONDS = 180.0
"""How long remote storage that has answered before is asked again when it does not answer."""

_DISK_PATIENCE_SECONDS = 15.0
"""How long a disk is: mounted as is usual, one that is away lets every process wait by itself."""

_PAUSES = (1.0, 10.0)
"""Seconds between two tries: of the first ones and at most."""

_NO_ANSWER = re.compile(
    r"NETWORK_CONNECTION|REQUEST_TIMEOUT|SERVICE_UNAVAILABLE|SLOW_DOWN|THROTTLING|INTERNAL_FAILURE|HTTP status 5\d\d"
    r"|timed out|timeout|connect",
    re.IGNORECASE,
)
"""What libraries say of storage that may answer again; of names, rights and buckets they say other things."""

_PASSING = frozenset((errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE))
"""What the system says of a disk that may answer again."""

NO_PLAIN_FILE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO))
"""What the system says of a file that is missing, or no plain file. Whatever else it says, the file may be whole."""

_logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
"""How libraries written in Rust (safetensors, tokenizers) tell an error of the operating system."""


def _patient(
    method: "Callable[Concatenate[Folder, P], T]",
) -> "Callable[Concatenate[Folder, P], T]":
    """Lets a method that may be repeated wait for a disk, and for remote storage that has answered before."""

    @wraps(method)
    def tried(self: "Folder", /, *args: P.args, **kwargs: P.kwargs) -> T:
        patience = _DISK_PATIENCE_SECONDS if self.is_local else PATIENCE_SECONDS
        until, (pause, longest) = time.monotonic() + patience, _PAUSES
        while True:
            try:
                with self._named():
                    found = method(self, *args, **kwargs)
            except FileNotFoundError:
                _answered.add(self._store)
                raise
            except OSError as error:
                is_known = self.is_local or self._store in _answered
                if not is_known or not self.may_answer_again(error) or time.monotonic() + pause > until:
                    raise
                _logger.warning("%s does not answer (%s): asked again", self.location, one_line(error))
                time.sleep(pause)
                pause = min(2 * pause, longest)
            else:
                _answered.add(self._store)
                return found

    return tried


_answered: set[str] = set()
"""The storage that has answered in this process. Whatever else does not answer is a mistake to be said at once."""


class Folder:
    """A folder named by a path or URI. Cheap to pickle: only the location travels.

    The folder itself may be reached by a link. Nothing inside is: a folder may come from somebody else, and a link in
    it would lead out of it.
    """

    def __init__(self, location: str | Path, root: str | None = None) -> None:
        """`root`: the folder that this one is inside of, if it is."""
        text = str(location).removeprefix("file://")
        self.location = text if "://" in text else str(with_home(text).absolute())
        self._root = root or self.location

    def __repr__(self) -> str:
        return f"Folder({self.location!r})"

    def __reduce__(self) -> tuple[type["Folder"], tuple[str, str]]:
        return Folder, (self.location, self._root)

    def __truediv__(self, name: str) -> "Folder":
        """A folder inside; raises OSError for a name that is none, or leads out."""
        _check_below(name)
        base, options = self._parts
        return Folder(f"{base}/{name}{options}", self._root)

    def beside(self, name: str) -> "Folder":
        """Another folder in the folder that this one lies in; raises OSError for a name that leads anywhere else."""
        _check_below(name)
        if "/" in name:
            raise OSError(errno.EINVAL, "is not the name of one folder", name)
        base, options = self._parts
        parent = base.rpartition("/")[0]
        # What lies beside a folder that was given by itself is inside of nothing but the folder of both.
        return Folder(f"{parent}/{name}{options}", parent if self._root == self.location else self._root)

    @property
    def name(self) -> str:
        """The last part of the location."""
        return self._parts[0].rsplit("/", 1)[-1]

    @property
    def _store(self) -> str:
        """The storage that a remote folder lies in: `s3://bucket`, with the options of its URI. A disk has no name."""
        if self.is_local:
            return ""
        base, options = self._parts
        return "/".join(base.split("/")[:3]) + options

    @property
    def _parts(self) -> tuple[str, str]:
        """The path, and the options of a URI such as `?region=eu-west-1`."""
        base, mark, options = (self.location, "", "") if self.is_local else self.location.partition("?")
        return base.rstrip("/"), mark + options

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
        return (fs.LocalFileSystem(), self.location) if self.is_local else self._opened(_RETRY_SECONDS)

    def _opened(self, retry_seconds: int) -> tuple[fs.FileSystem, str]:
        location = self.location
        # Google's library would try for a quarter of an hour; Amazon's gives up by itself.
        if location.startswith(("gs://", "gcs://")) and _RETRY not in location:
            location += f"{'&' if '?' in location else '?'}{_RETRY}={retry_seconds}"
        try:
            filesystem, path = fs.FileSystem.from_uri(location)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise UserError(
                f"{self.location} is no folder or URI that can be opened ({one_line(error)}): give a path, or a URI "
                "such as s3://bucket/folder, gs://bucket/folder or hdfs://host/folder."
            ) from error
        return filesystem, path.rstrip("/")

    def may_answer_again(self, error: OSError) -> bool:
        """Whether an error says that the storage did not answer, and not that something is wrong with the question."""
        if self.is_local:
            return error.errno in _PASSING
        return isinstance(error, ConnectionError | TimeoutError) or _NO_ANSWER.search(str(error)) is not None

    def withholds(self, error: OSError) -> bool:
        """Whether an error says that a file in here cannot be read or written, and not that there is no such file."""
        if error.filename is None or error.errno in NO_PLAIN_FILE:
            return False
        return f"{Folder(str(error.filename))._parts[0]}/".startswith(f"{self._parts[0]}/")

    @contextmanager
    def _named(self, name: str = "") -> Iterator[None]:
        """Lets an error in the block name the file, which the system names where it opens one and not where it reads.

        Libraries of remote storage give no number either.
        """
        try:
            yield
        except FileNotFoundError:
            # It says enough.
            raise
        except OSError as error:
            if error.filename is None:
                code = error.errno or (errno.ETIMEDOUT if self.may_answer_again(error) else errno.EIO)
                # What is pickled.
                error.args = (code, error.strerror or one_line(error))
                error.errno, error.strerror = error.args
                error.filename = (self / name).location if name else self.location
            raise

    def check_reachable(self) -> None:
        """Asks remote storage for its bucket; raises UserError if it does not answer soon, or has none of this name."""
        if self.is_local:
            return
        filesystem, path = self._opened(_SOON_SECONDS)
        is_store = self.location.startswith(("s3://", "gs://", "gcs://"))
        place = path.partition("/")[0] if is_store else path
        try:
            found = filesystem.get_file_info(place)
        except OSError as error:
            raise UserError(
                f"{self.location} does not answer ({one_line(error)}): check the name, the region, the credentials "
                "and the connection."
            ) from error
        if is_store and found.type == fs.FileType.NotFound:
            raise UserError(f"{self.location}: there is no bucket {place}: create it, or give another one.")

    def _inside(self, name: str = "") -> Path:
        """The path of a file in a local folder; raises OSError if a link leads there, or the name leads out."""
        _check_inside(name)
        path = self.local_path / name
        check_no_link(Path(self._root), path)
        return path

    def _path(self, name: str) -> str:
        _check_inside(name)
        return f"{self._filesystem[1]}/{name}" if name else self._filesystem[1]

    @_patient
    def exists(self, name: str = "") -> bool:
        """Whether a file, or without name the folder itself, is there."""
        return bool(self._filesystem[0].get_file_info(self._path(name)).type != fs.FileType.NotFound)

    @_patient
    def modified(self, name: str = "") -> float:
        """Seconds since the epoch of the last change, 0 if there is no such file."""
        info = self._filesystem[0].get_file_info(self._path(name))
        return float(info.mtime.timestamp()) if info.mtime is not None else 0.0

    @_patient
    def names(self) -> list[str]:
        """The names of the files and folders inside, sorted; empty if the folder does not exist.

        Raises UserError for a name that is not UTF-8.
        """
        selector = fs.FileSelector(self._path(""), allow_not_found=True)
        with self._told_if_not_utf_8():
            return sorted(info.base_name for info in self._filesystem[0].get_file_info(selector))

    @_patient
    def file_names(self) -> list[str]:
        """The names of all files inside, sorted, `folder/file` for those of inner folders; hidden ones are left out.

        Raises UserError for a name that is not UTF-8.
        """
        filesystem, root = self._filesystem
        selector = fs.FileSelector(root, allow_not_found=True, recursive=True)
        with self._told_if_not_utf_8():
            found = (info for info in filesystem.get_file_info(selector) if info.type == fs.FileType.File)
            names = (info.path.removeprefix(root).lstrip("/") for info in found)
            return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))

    @contextmanager
    def _told_if_not_utf_8(self) -> Iterator[None]:
        """Names are decoded where they are listed, or as late as where they are read of a listing."""
        try:
            yield
        except UnicodeDecodeError as error:
            # Of some listings the whole path, of others the name.
            name = error.object.removeprefix(os.fsencode(f"{self.location}/")).decode(errors="backslashreplace")
            raise UserError(
                f"{self.location} holds {name}, whose name is not UTF-8: rename it, or remove it."
            ) from error

    @_patient
    def checksum(self, name: str) -> str:
        """The sha256 of a file; raises FileNotFoundError."""
        digest = hashlib.sha256()
        with self._named(name), self._open(name) as stream:
            while content := stream.read(_CHUNK_BYTES):
                digest.update(content)
        return digest.hexdigest()

    @_patient
    def read_bytes(self, name: str) -> bytes:
        """The content of a file; raises FileNotFoundError, and OSError for what is no plain file."""
        with self._named(name), self._open(name) as stream:
            return bytes(stream.read())

    def append_bytes(self, name: str, content: bytes) -> None:
        """Writes behind the end of a local file."""
        with self._named(name), open_to_append(self._inside(name)) as stream:
            stream.write(content)

    def _open(self, name: str) -> Any:
        if self.is_local:
            return open_to_read(self._inside(name))
        return self._filesystem[0].open_input_stream(self._path(name))

    @_patient
    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file whole or not at all: a reader never sees a half-written one."""
        if self.is_local:
            target = self._inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = _temporary(target)
            try:
                with self._named(name), create(temporary) as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            return
        # Object stores make a file visible when its stream is closed.
        with self._named(name), self._filesystem[0].open_output_stream(self._path(name)) as stream:
            stream.write(content)

    def read_json(self, name: str) -> Any:
        """The value in a JSON file; raises FileNotFoundError and ValueError."""
        return json.loads(self.read_bytes(name))

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file whole or not at all; raises ValueError for NaN and infinity."""
        self.write_bytes(name, (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode())

    @_patient
    def remove(self, name: str) -> None:
        """Removes a file, if it exists."""
        if self.exists(name):
            self._filesystem[0].delete_file(self._path(name))

    @_patient
    def delete(self) -> None:
        """Removes the folder with all it holds, if it exists, and what uploads of it left behind."""
        if self.is_local:
            self._settle()
        if self.exists():
            self._filesystem[0].delete_dir(self._path(""))

    def sweep(self) -> None:
        """Removes what killed writers left in the folder, in which nobody else may write. Remote ones leave nothing."""
        if self.is_local:
            for path in _leftovers(self.local_path):
                _remove(path)

    @contextmanager
    def downloaded(self) -> Iterator[Path]:
        """The folder as a local path for the time of the block: itself when local, else a temporary copy."""
        if self.is_local:
            yield self.local_path
            return
        with TemporaryDirectory() as temporary:
            self._download(temporary)
            yield Path(temporary)

    @contextmanager
    def uploaded(self) -> Iterator[Path]:
        """An empty local folder to fill in the block, which then takes this folder's place.

        One process at a time may do so; it removes what killed ones left. Raises OSError for a full disk, whatever
        library met it.
        """
        if self.is_local:
            self._inside()
            self._settle()
            temporary_path = _temporary(self.local_path)
            temporary_path.mkdir(parents=True)
            try:
                with _system_errors(self.location):
                    yield temporary_path
                # An old folder leaves as a whole, too: whoever is killed here leaves one of the two, or neither.
                old_path = _temporary(self.local_path)
                if self.local_path.exists():
                    self.local_path.replace(old_path)
                temporary_path.replace(self.local_path)
                _remove(old_path)
            finally:
                _remove(temporary_path)
            return
        with TemporaryDirectory() as temporary:
            with _system_errors(temporary):
                yield Path(temporary)
            self._upload(temporary)

    @_patient
    def _download(self, target: str) -> None:
        fs.copy_files(self._path(""), target, source_filesystem=self._filesystem[0])

    @_patient
    def _upload(self, source: str) -> None:
        fs.copy_files(source, self._path(""), destination_filesystem=self._filesystem[0])

    def rename(self, name: str, new_name: str) -> None:
        """Gives a file or folder inside another name; raises OSError, or NotImplementedError where storage cannot."""
        self._filesystem[0].move(self._path(name), self._path(new_name))

    def _settle(self) -> None:
        """Removes what killed uploads of this folder left."""
        for path in _leftovers(self.local_path.parent):
            if path.name.startswith(f".{self.name}."):
                _remove(path)


def _check_inside(name: str) -> None:
    """Raises OSError for the name of a file, such as one in a stranger's record, that leads out of its folder."""
    if name.startswith("/") or ".." in name.split("/"):
        raise OSError(errno.EINVAL, "leads out of its folder", name)


def _check_below(name: str) -> None:
    """Likewise for the name of a folder inside, which a folder itself is not."""
    _check_inside(name)
    if name in ("", "."):
        raise OSError(errno.EINVAL, "is the folder itself and not one inside", name)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}")


def _leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.glob(".*") if _LEFTOVER.fullmatch(path.name)] if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _system_errors(location: str) -> Iterator[None]:
    """Turns what a library makes of an error of the operating system back into an OSError."""
    try:
        yield
    except Exception as error:
        found = _SYSTEM_ERROR.search(str(error))
        if isinstance(error, OSError) or found is None:
            raise
        code = int(found[1])
        raise OSError(code, os.strerror(code), location) from error
