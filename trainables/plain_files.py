"""Opening files that somebody else may have prepared: links are not followed, and only plain files are read or written.

A folder from a stranger may hold a link to a file of the user's own, a pipe that never ends, or a device.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_to_read(path: Path) -> BinaryIO:
    """Opens a plain file. Raises FileNotFoundError, and OSError for links, folders, pipes and devices."""
    # Without O_NONBLOCK a pipe would wait for somebody who writes into it.
    return _plain(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), path, "rb")


def open_users_file(path: Path) -> BinaryIO:
    """Opens a plain file that the user named; a link is followed. Raises OSError for folders, pipes and devices."""
    return _plain(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), path, "rb")


def create(path: Path) -> BinaryIO:
    """Creates a file that does not exist yet. Raises FileExistsError for anything that does, a link included."""
    return _plain(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), path, "wb")


def open_to_append(path: Path) -> BinaryIO:
    """Opens a plain file, or creates it, to write behind its end. Raises OSError for links, pipes and devices."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return _plain(os.open(path, flags, 0o666), path, "ab")


def check_no_link(root: Path, path: Path) -> None:
    """Raises OSError if anything on the way from `root` to `path` below it is a link."""
    place = root
    for part in path.relative_to(root).parts:
        place = place / part
        if place.is_symlink():
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(place))


def first_link(root: Path) -> Path | None:
    """The first link in a folder and all folders inside; None if there is none."""
    for folder, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            if (path := Path(folder) / name).is_symlink():
                return path
    return None


def _plain(descriptor: int, path: Path, mode: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no plain file", str(path))
    return open(descriptor, mode)  # type: ignore[return-value]
