"""reports.jsonl of a trial: written by its first worker, followed by whoever wants to know."""

from collections.abc import Mapping, Sequence

from trainables.records import REPORTS, Report, Rung
from trainables.storage import Folder


class ReportLog:
    """A sink of the training loop that writes every report and stops the trial at a rung that it misses."""

    def __init__(self, folder: Folder, rungs: Sequence[Rung] = ()) -> None:
        self._folder = folder
        self._rungs = {rung.step: rung for rung in rungs}
        # A line that was cut off when its writer was killed must not spoil the next one.
        self._lines = _whole_lines(folder)
        self._write_all()

    def report(self, report: Report) -> bool:
        """Appends one line; returns True if the report misses its rung."""
        line = report.model_dump_json(exclude_none=False).encode() + b"\n"
        if self._folder.is_local:
            self._folder.append_bytes(REPORTS, line)
        else:
            self._lines.append(line)
            self._write_all()
        return _misses(report, self._rungs)

    def _write_all(self) -> None:
        self._folder.write_bytes(REPORTS, b"".join(self._lines))


def new_reports(folder: Folder, seen: int) -> list[Report]:
    """Returns the whole reports after the first `seen` ones."""
    return [Report.model_validate_json(line) for line in _whole_lines(folder)[seen:]]


def _whole_lines(folder: Folder) -> list[bytes]:
    if not folder.exists(REPORTS):
        return []
    return [line for line in folder.read_bytes(REPORTS).splitlines(keepends=True) if line.endswith(b"\n")]


def _misses(report: Report, rungs: Mapping[int, Rung]) -> bool:
    # A run that diverged at a rung has no dev metrics there; its own status counts.
    rung = rungs.get(report.step)
    return rung is not None and report.dev is not None and rung.misses(report.dev[rung.metric])
