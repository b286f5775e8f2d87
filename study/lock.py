"""At most one process runs a study, or packs it: a lock of the system's where it lies on a disk, a lease elsewhere.

A lease is a file that its holder renews. Whoever finds one watches it: if it changes, its holder lives; if it does not
change for as long as a lease lasts, its holder is dead, and the lease is taken over. Nobody compares clocks, so it does
not matter whether those of two machines agree, or jump.
"""

import fcntl
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread, main_thread
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict

from trainables.errors import UserError
from trainables.plain_files import first_link, open_to_append, open_to_read
from trainables.sealed import unsealed, write_sealed
from trainables.storage import Folder

LEASE = ".lease.json"
_LOCK = ".lock"

_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class LeaseTimes:
    """In seconds."""

    renewed_every: float = 10.0
    lasts: float = 60.0
    """A lease that was not renewed for so long is nobody's."""
    settles: float = 2.0
    """Two processes that take a lease at once both write; after this time the last one has it."""


class _Lease(BaseModel):
    """Who runs the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    holder: str
    host: str
    process: int
    renewals: int = 0


@contextmanager
def only_driver(
    folder: Folder, say: Callable[[str], None], times: LeaseTimes = LeaseTimes()
) -> Iterator[Callable[[], bool]]:
    """Holds a study for the time of the block, which gets what tells whether it still does.

    Args:
        folder: the study.
        say: told what is waited for.
        times: how long a lease of remote storage lasts.

    Raises:
        UserError: another process runs the study, or has taken it over in the meantime, or the folder holds links.
    """
    if not folder.is_local:
        with _leased(folder, say, times) as still_holds:
            yield still_holds
        return
    folder.local_path.mkdir(parents=True, exist_ok=True)
    if (link := first_link(folder.local_path)) is not None:
        raise UserError(f"{link} is a link, and a study holds none: remove it, or put what it leads to in its place.")
    # The lock is the kernel's: it ends with its process, however that ends.
    with open_to_append(folder.local_path / _LOCK) as stream:
        _lock(folder, stream)
        yield lambda: True


@contextmanager
def no_driver(folder: Folder, say: Callable[[str], None], times: LeaseTimes = LeaseTimes()) -> Iterator[None]:
    """Holds a study for the time of the block, so that no process runs it; one that may only be read is looked at.

    Args:
        folder: the study.
        say: told what is waited for.
        times: how long a lease of remote storage lasts.

    Raises:
        UserError: another process runs the study, or has taken it over in the meantime, or the folder holds links.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(only_driver(folder, say, times))
        except OSError:
            # Nobody can mark a study that may only be read; the lease of a living driver was seen before.
            if folder.is_local:
                with suppress(OSError):
                    _lock(folder, stack.enter_context(open_to_read(folder.local_path / _LOCK)))
        yield


def _lock(folder: Folder, stream: BinaryIO) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"{folder.location} is being run by another process, or packed: wait for its end, or stop it first."
        ) from error


@contextmanager
def _leased(folder: Folder, say: Callable[[str], None], times: LeaseTimes) -> Iterator[Callable[[], bool]]:
    _wait_for_the_dead(folder, say, times)
    mine = _Lease(holder=uuid.uuid4().hex, host=socket.gethostname(), process=os.getpid())
    write_sealed(folder, LEASE, mine)
    time.sleep(times.settles)
    if (found := _read(folder)) is not None and found.holder != mine.holder:
        raise _is_run_by(folder, found)
    keeper = _Keeper(folder, mine, times)
    keeper.start()
    try:
        yield lambda: keeper.taken_by is None
    except KeyboardInterrupt:
        # That of the keeper, if it has lost the lease.
        if keeper.taken_by is None:
            raise
    finally:
        keeper.give_up()
    if (other := keeper.taken_by) is not None:
        raise UserError(
            f"{folder.location} was taken over by {_who(other)} while this process could not renew its lease for "
            f"{times.lasts:g} seconds: let that one go on, or stop it and --resume the study."
        )


class _Keeper(Thread):
    """Renews a lease until it is told to end; interrupts the main thread if somebody else has it."""

    def __init__(self, folder: Folder, mine: _Lease, times: LeaseTimes) -> None:
        super().__init__(name="lease", daemon=True)
        self._folder, self._mine, self._times = folder, mine, times
        self._ended = Event()
        self.taken_by: _Lease | None = None

    def run(self) -> None:
        while not self._ended.wait(self._times.renewed_every):
            # Storage that does not answer now tells later whose the lease is.
            with suppress(OSError):
                if not self._holds():
                    signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
                    return
                self._mine = self._mine.model_copy(update={"renewals": self._mine.renewals + 1})
                write_sealed(self._folder, LEASE, self._mine)

    def give_up(self) -> None:
        """Removes the lease, unless somebody else has it by now."""
        self._ended.set()
        # A renewal that is under way must not follow the removal.
        self.join()
        # With storage that does not answer it stays, and runs out.
        with suppress(OSError):
            if self._holds():
                self._folder.remove(LEASE)

    def _holds(self) -> bool:
        """Looks whether nobody else has it."""
        found = _read(self._folder)
        if found is not None and found.holder != self._mine.holder:
            self.taken_by = found
        return self.taken_by is None


def _wait_for_the_dead(folder: Folder, say: Callable[[str], None], times: LeaseTimes) -> None:
    """Returns once a study has no holder that lives; raises UserError as soon as one gives a sign of life."""
    # What lies there counts, readable or not: the storage may show a lease while it is being written.
    first = _content(folder)
    if first is None:
        return
    say(
        f"{folder.location} was last run by {_who(_lease_in(first))}, which has not given it up: waiting up to "
        f"{times.lasts:g} seconds for a sign of life."
    )
    began = time.monotonic()
    while time.monotonic() - began < times.lasts:
        time.sleep(min(_LOOK_SECONDS, times.renewed_every))
        now = _content(folder)
        if now is None:
            return
        if now != first:
            raise _is_run_by(folder, _lease_in(now) or _lease_in(first))


def _read(folder: Folder) -> _Lease | None:
    """The lease of a study; None if there is none, or none that can be read now."""
    content = _content(folder)
    return None if content is None else _lease_in(content)


def _content(folder: Folder) -> bytes | None:
    try:
        return folder.read_bytes(LEASE)
    except FileNotFoundError:
        return None


def _lease_in(content: bytes) -> _Lease | None:
    try:
        return unsealed(content, _Lease)
    except ValueError:
        return None


def _is_run_by(folder: Folder, other: _Lease | None) -> UserError:
    return UserError(f"{folder.location} is being run by {_who(other)}: wait for its end, or stop it first.")


def _who(lease: _Lease | None) -> str:
    return "a process that its lease does not tell" if lease is None else f"process {lease.process} on {lease.host}"
