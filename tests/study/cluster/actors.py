"""The processes of Ray's actors, and waiting for them."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil

GROUP = ("RayTrainWorker", "TrainController", "Mailbox")
"""Titles of the actors of a worker group."""


def processes(*titles: str) -> list[int]:
    """The processes of this Ray's actors with such a title; other people's Rays are none of our business."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            command = " ".join(process.cmdline())
            if command.startswith("ray::") and any(title in command for title in titles):
                found.append(process.pid)
    return found


def wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    """Fails with what it says if something does not hold within half a minute."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
