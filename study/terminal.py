"""What the terminal shows while a study runs: a live view, or plain lines when it is no terminal."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.leaderboard import Leaderboard
from trainables.evaluation.metric_name import DEV
from trainables.inert import inert
from trainables.records import TrialRecord

_SHOWN_TRIALS = 12
_SHOWN_BRANCHES = 12
_GAP = 6
"""Columns of the terminal between tables that stand beside each other."""


@dataclass
class Progress:
    """Counts and latest reports of a study, told by the launcher, drawn at each refresh."""

    console: Console
    title: str
    dashboard: str | None
    concurrent: int
    leaders: Leaderboard
    quiet: bool = False
    phase: str = "search"
    planned: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=lambda: {"search": 0, "confirm": 0, "measure": 0})
    failed: int = 0
    pruned: int = 0
    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    _durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds of the trials that have ended, by phase."""
    _began: dict[str, float] = field(default_factory=dict)
    _live: Live | None = None

    def __enter__(self) -> "Progress":
        if self.console.is_terminal and not self.quiet:
            self._live = Live(get_renderable=self.view, console=self.console, refresh_per_second=2)
            self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def trial_started(self, trial_id: str, steps: int) -> None:
        """A trial begins (or begins again)."""
        self.running[trial_id] = {"step": 0, "steps": steps}
        self._began.setdefault(trial_id, time.monotonic())

    def trial_reported(self, trial_id: str, report: Mapping[str, Any]) -> None:
        """A running trial says where it stands; what a report leaves open stays as it was."""
        known = {name: value for name, value in report.items() if value is not None}
        self.running.setdefault(trial_id, {}).update(known)

    def trial_ended(
        self,
        trial: TrialRecord,
        status: str,
        metrics: Mapping[str, float],
        error: str | None,
        seconds: float | None = None,
    ) -> None:
        """A trial has ended, in whatever way; one taken over from the records never started here.

        `metrics`: as in records; `seconds`: what a trial took that did not start here, if that is known.
        """
        self.leaders.ended(trial, status, metrics)
        value = metrics.get(f"{DEV}/{self._objective}")
        shown = f"{value:.4f}" if value is not None else "-"
        self._ended(inert(trial.id), trial.phase, status, f", dev {self._objective} {shown}", error, seconds)

    def measurement_ended(self, job_id: str, error: str | None) -> None:
        """A measurement has ended."""
        self._ended(job_id, "measure", "complete" if error is None else "failed", "", error, None)

    def _ended(self, id_: str, phase: str, status: str, found: str, error: str | None, seconds: float | None) -> None:
        self.running.pop(id_, None)
        self.done[phase] += 1
        self.failed += status in ("failed", "diverged")
        self.pruned += status == "pruned"
        began = self._began.pop(id_, None)
        if began is not None:
            seconds = time.monotonic() - began
        if seconds is not None:
            self._durations[phase].append(seconds)
        if began is not None and self._live is None:
            self.line(f"{self._clock()} {self._counts()}  {id_}: {status}{found}")
        if error:
            self.line(f"{id_} {status}: {error}")

    def line(self, text: str) -> None:
        """Says one thing, above the live view if there is one."""
        if not self.quiet:
            self.console.print(inert(text), highlight=False, soft_wrap=True, markup=False)

    @property
    def _objective(self) -> str:
        """The dev metric that chooses."""
        return inert(self.leaders.study.objectives[0].metric)

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self.started)
        return f"[{seconds // 60:02d}:{seconds % 60:02d}]"

    def _counts(self) -> str:
        return f"{self.phase} {self.done[self.phase]}/{self.planned.get(self.phase, 0)}"

    def _time_left(self) -> str:
        left = {phase: planned - self.done[phase] for phase, planned in self.planned.items()}
        return ", ".join(f"{phase} {self._duration(phase, n)}" for phase, n in left.items() if n > 0) or "none"

    def _duration(self, phase: str, trials: int) -> str:
        """How long so many more trials take. Until the first of a phase has ended they cost what others do."""
        recent = (self._durations[phase] or [s for known in self._durations.values() for s in known])[-20:]
        if not recent:
            return "unknown"
        seconds = sum(recent) / len(recent) * trials / max(1, self.concurrent)
        return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"

    def view(self) -> RenderableType:
        """The study as it stands now."""
        total, done = sum(self.planned.values()), sum(self.done.values())
        head = Text.assemble((self.title, "bold"), f"   {self.phase} phase   {self._clock()}")
        counts = (
            f"{done} of {total} trials done, {len(self.running)} running, {self.pruned} stopped early, "
            f"{self.failed} failed"
        )
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("trial", no_wrap=True)
        for name in ("step", "α", "loss", f"dev {self._objective}", "pairs/s"):
            table.add_column(Text(name), justify="right", no_wrap=True)
        # Of all columns only this one gives way.
        table.add_column("")
        for trial_id, report in list(self.running.items())[:_SHOWN_TRIALS]:
            cells = (
                trial_id,
                f"{report.get('step', 0)}/{report.get('steps', 0)}",
                _number(report.get("ratio"), 2),
                _number(report.get("loss"), 3),
                _number(report.get("objective"), 4),
                _number(report.get("pairs_per_second"), 0),
                report.get("doing", ""),
            )
            table.add_row(*(Text(inert(cell)) for cell in cells))
        dashboard = f"dashboard: {self.dashboard}" if self.dashboard else ""
        bar = ProgressBar(total=max(1, total), completed=done, width=self.console.width)
        lines = Table.grid()
        for line in (head, bar, Text(counts), Text(f"time left: {self._time_left()}")):
            lines.add_row(line)
        tables: list[RenderableType] = [table] * bool(self.running)
        # A live view has the height of the terminal.
        leaders = self.leaders.table(self.phase, most=None if self._live is None else _SHOWN_BRANCHES)
        tables += [] if leaders is None else [leaders]
        # Measured without a limit: within one, a table would say that it fits.
        room = self.console.options.update(width=10 * self.console.width)
        taken = sum(Measurement.get(self.console, room, one).maximum for one in tables)
        if len(tables) == 2 and taken + _GAP <= self.console.width:
            beside = Table.grid(padding=(0, _GAP, 0, 0))
            beside.add_row(*tables)
            tables = [beside]
        parts = (lines, *tables, Text(dashboard, style="dim"))
        return Group(*(part for part in parts if part))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
