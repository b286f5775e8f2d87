"""Public files fetched once into a cache folder."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from trainables.errors import UserError

_PATIENCE_SECONDS = 60


def cache_folder() -> Path:
    """Returns the folder below which fetched files are kept."""
    return Path.home() / ".cache" / "hybrid-batch-studies"


def fetched(url: str, target: Path, sha256: str, remedy: str) -> Path:
    """Makes sure that `target` holds the file at `url`, which is fetched at most once.

    Args:
        url: where the file is published.
        target: where it is kept; a file with another digest is fetched again.
        sha256: digest of the file.
        remedy: what the user may do instead, as the end of an error message.

    Returns:
        `target`.

    Raises:
        UserError: there is no connection, the file cannot be kept, or what came is another file.
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
    # Imported late: --list must not wait for pyarrow.
    from trainables.storage import Folder

    try:
        Folder(target.parent).write_bytes(target.name, content)
    except OSError as error:
        raise UserError(f"{target} could not be written ({error.strerror}): {remedy}.") from error
    return target
