"""A file of lines that grows, on a disk or at a remote URI."""

from trainables.storage import Folder


class LineFile:
    """Adds whole lines to a file: appends where the storage can, writes the file anew where it cannot."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self._name = folder, name
        # A line that was cut off when its writer was killed must not spoil the next one.
        self._lines = whole_lines(folder, name)
        self._write_all()

    def append(self, line: bytes) -> None:
        """Adds a line, given without its end."""
        if self._folder.is_local:
            self._folder.append_bytes(self._name, line + b"\n")
        else:
            self._lines.append(line + b"\n")
            self._write_all()

    def _write_all(self) -> None:
        self._folder.write_bytes(self._name, b"".join(self._lines))


def whole_lines(folder: Folder, name: str) -> list[bytes]:
    """The lines of a file that have an end; none if there is no such file."""
    if not folder.exists(name):
        return []
    return [line for line in folder.read_bytes(name).splitlines(keepends=True) if line.endswith(b"\n")]
