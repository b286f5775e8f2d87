"""Where the time of a trial goes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class Clock:
    """Seconds per kind of work. Inner work is taken from the outer: every second counts once."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._accelerator = device if device is not None and device.type == "cuda" else None
        self._work: list[str] = []
        self._since = 0.0

    @contextmanager
    def measure(self, work: str) -> Iterator[None]:
        """Books the time of the block on `work`, less what blocks inside it book elsewhere."""
        self._book()
        self._work.append(work)
        try:
            yield
        finally:
            self._book()
            self._work.pop()

    def running(self, work: str) -> float:
        """Returns the seconds booked on `work` so far, the current block included."""
        self._book()
        return self.seconds.get(work, 0.0)

    def restore(self, seconds: Mapping[str, float]) -> None:
        """Goes on from the seconds of an earlier clock."""
        self.seconds = dict(seconds)

    def _book(self) -> None:
        # An accelerator works behind the program: without waiting, its time would be booked on whatever comes next.
        if self._accelerator is not None:
            torch.cuda.synchronize(self._accelerator)
        now = time.perf_counter()
        if self._work:
            self.seconds[self._work[-1]] = self.seconds.get(self._work[-1], 0.0) + now - self._since
        self._since = now
