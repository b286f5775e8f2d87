"""Public files fetched once into a cache folder."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from trainables.errors import UserError
from trainables.storage import Folder

_PATIENCE_SECONDS = 60


def cache_folder() -> Path:
    """Returns the folder below which fetched files are kept."""
    return Path.home() / ".cache" / "hybrid-batch-studies"


def fetched(url: str, target: Path, sha256: str, remedy: str) -> Path:
    """Returns `target` after making sure that it holds the file at `url`, which is fetched at most once.

    A cached file with another digest is fetched again. Raises UserError, ending in `remedy`, when there is no
    connection, the file cannot be kept, or what came is not the file with this sha256.
    """
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
        return target
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as response:
            content: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UserError(f"{url} could not be fetched ({reason}): {remedy}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(f"{url} gave another file than expected (sha256 {found}, not {sha256}): {remedy}.")
    try:
        Folder(target.parent).write_bytes(target.name, content)
    except OSError as error:
        raise UserError(f"{target} could not be written ({error.strerror}): {remedy}.") from error
    return target
