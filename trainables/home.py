"""Paths of a user's that begin with a home folder.

>>> with_home("studies/mine")
PosixPath('studies/mine')
"""

from pathlib import Path

from trainables.errors import UserError


def with_home(path: str | Path) -> Path:
    """Returns a path with the home folder in the place of `~` or `~name`.

    Raises UserError for the home folder of somebody whom this machine does not know.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{path} begins with the home folder of a user, and there is none of this name here: correct the name, or "
            "write the path from / on."
        ) from error
