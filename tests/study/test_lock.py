"""One process runs a study, wherever it lies; one that died or fell silent holds it no longer."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from study.lock import LEASE, LeaseTimes, only_driver
from trainables.errors import UserError
from trainables.storage import Folder

ROOT = Path(__file__).parents[2]
QUICK = LeaseTimes(renewed_every=0.05, lasts=0.6, settles=0.05)


def ignore(text: str) -> None:
    """Says nothing."""


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(tmp_path / "study" if request.param == "local" else f"fsspec+memory://{uuid.uuid4().hex}/study")


@pytest.fixture
def remote() -> Folder:
    return Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")


def test_a_study_that_is_run_is_not_run_twice_and_is_free_afterwards(folder: Folder) -> None:
    for _ in range(2):
        with (
            only_driver(folder, ignore, QUICK),
            pytest.raises(UserError, match="is being run by"),
            only_driver(folder, ignore, QUICK),
        ):
            pytest.fail("two processes run one study")
    assert not folder.exists(LEASE)


def test_the_living_one_is_named_at_its_next_sign_of_life(remote: Folder) -> None:
    with only_driver(remote, ignore, QUICK):
        began = time.monotonic()
        with pytest.raises(UserError, match=f"process {os.getpid()} on "), only_driver(remote, ignore, LeaseTimes()):
            pass
        assert time.monotonic() - began < LeaseTimes().lasts / 2


def _left_by_a_dead_one(folder: Folder) -> bytes:
    with only_driver(folder, ignore, QUICK):
        lease = folder.read_bytes(LEASE)
    folder.write_bytes(LEASE, lease)
    return lease


def test_a_dead_one_loses_the_study_by_itself(remote: Folder) -> None:
    lease = _left_by_a_dead_one(remote)
    said: list[str] = []
    with only_driver(remote, said.append, QUICK):
        assert remote.read_bytes(LEASE) != lease
    assert len(said) == 1
    assert "waiting up to 0.6 seconds" in said[0]


@pytest.mark.parametrize("content", [b"", b"{", b'{"holder": "me"}'])
def test_a_damaged_lease_that_nobody_renews_is_nobodys(remote: Folder, content: bytes) -> None:
    remote.write_bytes(LEASE, content)
    with only_driver(remote, ignore, QUICK):
        pass


def test_a_lease_that_is_seen_while_it_is_written_has_a_holder(remote: Folder) -> None:
    """Some storage shows a file before it is whole."""
    whole = _left_by_a_dead_one(remote)
    remote.write_bytes(LEASE, b"")
    Thread(target=lambda: time.sleep(1) or remote.write_bytes(LEASE, whole), daemon=True).start()
    with pytest.raises(UserError, match=f"is being run by process {os.getpid()} on "), only_driver(remote, ignore):
        pytest.fail("two processes run one study")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As a study is: Ray Tune, of other tests in this process, leaves a handler of its own behind, and a script's shell
    has SIGINT ignored in what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_whoever_fell_silent_and_was_replaced_stops(remote: Folder) -> None:
    other = _left_by_a_dead_one(remote)
    held = []

    def run() -> None:
        with only_driver(remote, ignore, QUICK) as still_holds:
            held.append(still_holds())
            remote.write_bytes(LEASE, other)
            try:
                time.sleep(30)
            finally:
                held.append(still_holds())

    with pytest.raises(UserError, match="was taken over by process"):
        run()
    assert held == [True, False], "it would write its status over that of the other one"
    assert remote.read_bytes(LEASE) == other, "the lease of another one was removed"


def test_whoever_was_replaced_and_ends_before_it_looks_leaves_the_lease_of_the_other_one(remote: Folder) -> None:
    other = _left_by_a_dead_one(remote)
    never = LeaseTimes(renewed_every=60, lasts=0.2, settles=0.01)

    def run() -> None:
        with only_driver(remote, ignore, never):
            remote.write_bytes(LEASE, other)

    with pytest.raises(UserError, match="was taken over by process"):
        run()
    assert remote.read_bytes(LEASE) == other


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_of_the_user_stays_one(remote: Folder) -> None:
    def run() -> None:
        with only_driver(remote, ignore, QUICK):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert not remote.exists(LEASE)


HOLD = """
import sys, time
from study.lock import only_driver
from trainables.storage import Folder
with only_driver(Folder(sys.argv[1]), print):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "study")
    command = [sys.executable, "-c", HOLD, folder.location]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(UserError, match="another process"), only_driver(folder, ignore):
            pass
        process.kill()
    with only_driver(folder, ignore):
        pass
