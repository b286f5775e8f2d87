"""A study whose process dies without a word is told, marked and cleaned up after by its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from study.guard import LOST
from study.run import mark_lost
from trainables.command import INTERRUPTED

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, signal, sys, time
from study.guard import watched
from trainables.command import run_command

def command(parent):
    parent.study_starts("studies/mine", "/tmp/mine-ray.log")
    how = sys.argv[1]
    if how == "exit":
        os._exit(1)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raise":
        raise ValueError("a bug")
    if how == "while Ray starts":
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
        try:
            print(os.getpid(), flush=True)
            time.sleep(60)
        finally:
            # What Ray had started is cleaned up.
            time.sleep(0.5)
    if how == "stop":
        try:
            print(os.getpid(), flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            try:
                time.sleep(0.5)
            except KeyboardInterrupt:
                return 7
            return 130
    if how == "wait":
        print(os.getpid(), flush=True)
        time.sleep(60)
    return int(how)

def lost(location, process):
    print("lost", location, process > 0, flush=True)
    return sys.argv[2:] != ["not begun"]

sys.exit(watched(lambda parent: run_command("study.run", lambda: command(parent), "mend that"), lost))
"""


def start(*how: str, sigint: signal.Handlers = signal.SIG_DFL) -> "subprocess.Popen[str]":
    """In the foreground, or as a script starts what is in the background, with SIGINT ignored."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),
    )


@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_the_status_of_a_command_that_ends_is_passed_on(status: int) -> None:
    process = start(str(status))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (status, "", "")


@pytest.mark.parametrize(("how", "said"), [("exit", "exit status 1"), ("kill", "signal 9, Killed")])
def test_a_death_without_a_word_has_its_own_status_and_sentence(how: str, said: str) -> None:
    process = start(how)
    out, err = process.communicate(timeout=30)
    assert process.returncode == LOST
    assert out == "lost studies/mine True\n"
    assert said in err
    assert "may be in /tmp/mine-ray.log; go on with --resume studies/mine" in err
    assert "Traceback" not in err


def test_a_study_that_died_before_its_records_is_started_again() -> None:
    process = start("kill", "not begun")
    _, err = process.communicate(timeout=30)
    assert process.returncode == LOST
    assert "before the study had begun" in err
    assert "start it again as before, without --resume" in err
    assert len(err.splitlines()) == 1


def test_what_is_no_study_yet_is_told_and_not_marked(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    assert not mark_lost(str(tmp_path), os.getpid())
    assert not mark_lost("", os.getpid())


@pytest.mark.parametrize("to", ["parent", "child", "both"])
@pytest.mark.parametrize(
    ("how", "by"), [("stop", signal.SIGINT), ("stop", signal.SIGTERM), ("while Ray starts", signal.SIGTERM)]
)
def test_whoever_is_asked_to_stop_stops_once_as_by_ctrl_c(how: str, by: signal.Signals, to: str) -> None:
    """A terminal and Kubernetes ask the parent, Slurm and `ray job stop` all processes."""
    if by == signal.SIGINT and to == "both":
        pytest.skip("nobody does, and a second Ctrl-C has its own meaning")
    process = start(how)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    for one in [child] * (to != "parent") + [process.pid] * (to != "child"):
        os.kill(one, by)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("to", ["parent", "child"])
def test_in_the_background_of_a_script_sigterm_stops_and_its_ctrl_c_does_not(to: str) -> None:
    process = start("stop", sigint=signal.SIG_IGN)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    os.kill({"parent": process.pid, "child": child}[to], signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (INTERRUPTED, "", "")


def test_a_bug_stays_a_traceback() -> None:
    process = start("raise")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert "ValueError: a bug" in err


def test_whoever_kills_the_parent_kills_the_study() -> None:
    process = start("wait")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")
