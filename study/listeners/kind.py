"""What is known of a kind of listener before it is started."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from study.listeners.listener import Listener
from trainables.errors import UserError
from trainables.storage import Folder


def folder_for_files(study: Folder, identity: str) -> Path:
    """Where listeners put files: into the study, or here for one in remote storage, which may share its name."""
    return study.local_path if study.is_local else Path(f"{study.name}-{identity}")


@dataclass(frozen=True)
class ListenerKind:
    """A tool that keeps the curves of trials."""

    name: str
    package: str
    """What must be installed for it, as Python imports it."""
    description: str
    start: Callable[[str, str, Path], Listener]
    """Starts it, given the name of the study, its identity (another study may have the name, too) and a folder for
    files."""

    def check(self) -> None:
        """Raises UserError if its package is not installed."""
        if find_spec(self.package) is None:
            raise UserError(
                f"--log-to {self.name}: the package {self.package} is not installed; get it by "
                f"`pip install {self.package}`, or give --log-to tensorboard, which needs nothing."
            )
