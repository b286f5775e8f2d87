"""What is told of the trials of a study as they run, and how a listener that fails is kept from stopping the study."""

import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from trainables.errors import one_line
from trainables.evaluation.metric_name import named_dev
from trainables.options import flat
from trainables.records import Outcome, Report, TrialRecord

_MOST_WAITING = 10_000
_PATIENCE_SECONDS = 30.0


class Listener(Protocol):
    """Is told what a trial reports. A trial that was interrupted begins again at its last checkpoint, or may end
    without a report; what is told of a trial comes in the order of its steps.
    """

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """A running trial says where it stands."""

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """A trial has ended, in whatever way."""

    def close(self) -> None:
        """The study has stopped; trials that have not ended may go on another time."""


def curves(report: Report) -> dict[str, float]:
    """The finite numbers of a report by name, those of the dev set and the signals among them.

    >>> report = Report(step=2, steps=8, ratio=0.5, mono_share=0.5, loss=1.0, loss_mono=None, loss_cross=1.0,
    ...     learning_rate=0.1, pairs_per_second=1, tokens_per_second=1, seconds=1, dev={"overall/map": 0.25})
    >>> sorted(curves(report))[:3]
    ['dev/overall/map', 'learning_rate', 'loss']
    """
    found = report.model_dump(exclude={"step", "steps", "dev", "signals"})
    found |= named_dev(report.dev or {})
    found |= {f"signals/{name}": value for name, value in (report.signals or {}).items()}
    return plain({name: value for name, value in found.items() if value is not None and math.isfinite(value)})


def plain(metrics: Mapping[str, float]) -> dict[str, float]:
    """The same numbers by names that every tool can hold.

    >>> plain({"dev/overall/recall@10": 0.5})
    {'dev/overall/recall_at_10': 0.5}
    """
    return {name.replace("@", "_at_"): value for name, value in metrics.items()}


def parameters(trial: TrialRecord) -> dict[str, str]:
    """Every option of a trial by its dotted key, as text."""
    return {key: str(value) for key, value in flat(trial.config.model_dump(mode="json")).items()}


@contextmanager
def closing_all(listeners: Sequence["InBackground"]) -> Iterator[Sequence["InBackground"]]:
    """Closes listeners when the block ends, however it ends."""
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


class InBackground:
    """Tells another listener in a thread of its own, which never stops the study and never makes it wait.

    What a listener raises is said once; it is told the next thing nevertheless, since a server may come back.
    """

    def __init__(self, name: str, start: Callable[[], Listener], warn: Callable[[str], None]) -> None:
        """Starts the thread.

        Args:
            name: of the listener.
            start: makes it; called in the thread.
            warn: shows a sentence.
        """
        self._name, self._start, self._warn = name, start, warn
        self._listener: Listener | None = None
        self._warned = False
        self._waiting: queue.Queue[Callable[[Listener], None] | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Says where a trial stands, soon."""
        self._tell(lambda listener: listener.reported(trial, report))

    def ended(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Says how a trial ended, soon."""
        self._tell(lambda listener: listener.ended(trial, outcome))

    def close(self, patience: float = _PATIENCE_SECONDS) -> None:
        """Waits until everything is told, but no longer than `patience` seconds."""
        self._tell(lambda listener: listener.close())
        self._tell(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            self._fail("it does not answer")

    def _tell(self, what: Callable[[Listener], None] | None) -> None:
        try:
            self._waiting.put_nowait(what)
        except queue.Full:
            self._fail("it is too slow")

    def _work(self) -> None:
        while (what := self._waiting.get()) is not None:
            try:
                if self._listener is None:
                    self._listener = self._start()
                what(self._listener)
            # Whatever somebody else's client and server raise.
            except Exception as error:
                self._fail(one_line(error))

    def _fail(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"--log-to {self._name} lacks some of this study ({why}); the records have all of it.")
