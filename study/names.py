"""The names in a folder of a study, which may come from somebody else."""

import os
from collections.abc import Callable

from trainables.errors import UserError
from trainables.storage import Folder


def names_in(folder: Folder) -> list[str]:
    """As `Folder.names`; raises UserError for a name that is not UTF-8."""
    return _decoded(folder, folder.names)


def file_names_in(folder: Folder) -> list[str]:
    """As `Folder.file_names`; raises UserError for a name that is not UTF-8."""
    return _decoded(folder, folder.file_names)


def _decoded(folder: Folder, listing: Callable[[], list[str]]) -> list[str]:
    try:
        return listing()
    except UnicodeDecodeError as error:
        # Of some listings the whole path, of others the name.
        name = error.object.removeprefix(os.fsencode(f"{folder.location}/")).decode(errors="backslashreplace")
        raise UserError(f"{folder.location} holds {name}, whose name is not UTF-8: rename it, or remove it.") from error
