"""reports.jsonl of a trial: written by its first worker, followed by whoever wants to know."""

from collections.abc import Mapping, Sequence

from trainables.line_file import LineFile, whole_lines
from trainables.records import REPORTS, Report, Rung
from trainables.storage import Folder


class ReportLog:
    """A sink of the training loop that writes every report and stops the trial at a rung that it misses."""

    def __init__(self, folder: Folder, rungs: Sequence[Rung] = ()) -> None:
        self._rungs = {rung.step: rung for rung in rungs}
        self._file = LineFile(folder, REPORTS)

    def report(self, report: Report) -> bool:
        """Appends one line; returns True if the report misses its rung."""
        self._file.append(report.model_dump_json(exclude_none=False).encode())
        return _misses(report, self._rungs)


def new_reports(folder: Folder, seen: int) -> list[Report]:
    """Returns the whole reports after the first `seen` ones."""
    return [Report.model_validate_json(line) for line in whole_lines(folder, REPORTS)[seen:]]


def _misses(report: Report, rungs: Mapping[int, Rung]) -> bool:
    # A run that diverged at a rung has no dev metrics there; its own status counts.
    rung = rungs.get(report.step)
    return rung is not None and report.dev is not None and rung.misses(report.dev[rung.metric])
