"""A Ray of our own: it listens on this machine only, keeps its files in a private folder, and leaves nothing behind.

Nothing here imports Ray: where it listens must be said before it is imported.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from trainables.errors import UserError
from trainables.plain_files import create

_PREFIX = "hbs-"

LONGEST_FOLDER = 40
"""Ray puts sockets some 60 characters deeper, and the system allows their paths 107."""


def listen_on_this_machine_only() -> None:
    """Makes a Ray that is imported and started later listen on the loopback address alone, its metrics included."""
    # Ray's own switch for systems whose firewalls ask about every open port (ray/_private/services.py).
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


@dataclass(frozen=True)
class RayFolder:
    """Where a Ray of our own keeps its files."""

    path: Path
    token: Path
    """The file with the token that its dashboard asks for; only this user may read it."""

    def announce_metrics(self, addresses: Sequence[str]) -> None:
        """Says where Prometheus finds the metrics, in a file beside the folder (deploy/prometheus.yml)."""
        with create(_targets(self.path)) as stream:
            stream.write(json.dumps([{"targets": addresses}]).encode())


@contextmanager
def ray_folder() -> Iterator[RayFolder]:
    """A private folder for the time of the block, with a token for the Rays of this process alone."""
    folder = Path(mkdtemp(prefix=_PREFIX, dir=_short_folder()))
    try:
        token = folder / "auth_token"
        with create(token) as stream:
            stream.write(_token())
        token.chmod(0o600)
        with _environment(_told_to_ray(folder, token)):
            yield RayFolder(folder, token)
    finally:
        _remove(folder)


def _told_to_ray(folder: Path, token: Path) -> Mapping[str, str]:
    told = {"RAY_AUTH_TOKEN_PATH": str(token)}
    # Its dashboard and Python's multiprocessing put sockets of their own among the temporary files.
    return told if len(gettempdir()) <= LONGEST_FOLDER else {**told, "TMPDIR": str(folder)}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment for the time of the block."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)


@cache
def _token() -> bytes:
    """One for the whole process: Ray remembers the first that it was shown, also when it is started again."""
    return secrets.token_hex(32).encode()


def remove_folder_of(process: int) -> None:
    """Removes what the Ray of a process that has died left behind."""
    for folder in Path(_short_folder()).glob(f"{_PREFIX}*"):
        # Ray names its sessions after the process that started it.
        if any(folder.glob(f"session_*_{process}")):
            _remove(folder)


def _remove(folder: Path) -> None:
    _targets(folder).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _targets(folder: Path) -> Path:
    """Where Prometheus, which looks for files in one folder only, finds the Ray of a private one."""
    return folder.with_suffix(".json")


def _short_folder() -> str:
    """A folder for temporary files whose path leaves room for sockets; raises UserError if there is none."""
    for folder in (os.environ.get("RAY_TMPDIR"), gettempdir(), "/tmp"):
        if folder and len(folder) <= LONGEST_FOLDER and os.access(folder, os.W_OK):
            return folder
    raise UserError(
        f"The folder for temporary files {gettempdir()} is too long for Ray's sockets: set RAY_TMPDIR to a folder with "
        f"a path of at most {LONGEST_FOLDER} characters."
    )
