"""reports.jsonl of a trial: written by its first worker, followed by whoever wants to know."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from trainables.spec import Rung
from trainables.storage import Folder

NAME = "reports.jsonl"


class ReportLog:
    """A sink of the training loop that writes every report and stops the trial at a rung that it misses."""

    def __init__(self, folder: Folder, rungs: Sequence[Rung] = ()) -> None:
        self._folder = folder
        self._rungs = {rung.step: rung for rung in rungs}
        # A line that was cut off when its writer was killed must not spoil the next one.
        self._lines = _whole_lines(folder)
        self._write_all()

    def report(self, report: Mapping[str, Any]) -> bool:
        """Appends one line; returns True if the report misses its rung."""
        # The last report of a diverged run holds a loss that is no number; JSON has none.
        finite = {name: None if _is_not_finite(value) else value for name, value in report.items()}
        line = json.dumps(finite, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        if self._folder.is_local:
            with (self._folder.local_path / NAME).open("ab") as stream:
                stream.write(line)
        else:
            self._lines.append(line)
            self._write_all()
        return _misses(report, self._rungs)

    def _write_all(self) -> None:
        self._folder.write_bytes(NAME, b"".join(self._lines))


def new_reports(folder: Folder, seen: int) -> list[dict[str, Any]]:
    """Returns the whole reports after the first `seen` ones."""
    return [json.loads(line) for line in _whole_lines(folder)[seen:]]


def _whole_lines(folder: Folder) -> list[bytes]:
    if not folder.exists(NAME):
        return []
    return [line for line in folder.read_bytes(NAME).splitlines(keepends=True) if line.endswith(b"\n")]


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _misses(report: Mapping[str, Any], rungs: Mapping[int, Rung]) -> bool:
    # A run that diverged at a rung has no dev metrics there; its own status counts.
    rung, dev = rungs.get(report["step"]), report.get("dev")
    return rung is not None and dev is not None and rung.misses(dev[rung.metric])
