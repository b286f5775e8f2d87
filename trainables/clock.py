"""Where the time of a trial goes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


class Clock:
    """Seconds per kind of work. Inner work is taken from the outer: every second counts once.

    Beside them stand the seconds since the clock was made, `total` on the wall and `cpu` of this process.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._accelerator = device if device is not None and device.type == "cuda" else None
        self._work: list[str] = []
        self._since = 0.0
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    @property
    def total(self) -> float:
        """Seconds since the clock was made, and those of the clock that it goes on from."""
        return time.perf_counter() - self._began

    @property
    def cpu(self) -> float:
        """Seconds of processor time of this process, over all threads, and those of the clock that it goes on from."""
        return time.process_time() - self._cpu_began

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

    def state(self) -> dict[str, Any]:
        """Returns where the clock stands, as JSON."""
        return {"seconds": dict(self.seconds), "total": self.total, "cpu": self.cpu}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from the state of an earlier clock: its time counts, too."""
        self.seconds = dict(state["seconds"])
        self._began -= state["total"]
        self._cpu_began -= state["cpu"]

    def _book(self) -> None:
        # An accelerator works behind the program: without waiting, its time would be booked on whatever comes next.
        if self._accelerator is not None:
            torch.cuda.synchronize(self._accelerator)
        now = time.perf_counter()
        if self._work:
            self.seconds[self._work[-1]] = self.seconds.get(self._work[-1], 0.0) + now - self._since
        self._since = now
