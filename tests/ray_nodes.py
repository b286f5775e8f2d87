"""Clusters on this machine whose nodes are real `ray start` processes, each of which can be killed like a machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import psutil

ROOT = Path(__file__).parents[1]
RAY = str(Path(sys.executable).with_name("ray"))

_SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def own_environment(folder: Path, **more: str) -> dict[str, str]:
    """What Ray's commands need so that other clusters of this machine neither find this one nor are found."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RAY_TMPDIR": str(folder),
        **more,
    }


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for Ray's sockets."""
    folder = Path(mkdtemp(prefix="w"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Nodes:
    """The nodes of one cluster, the head first."""

    folder: Path
    address: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def add(self, cpus: int) -> "subprocess.Popen[bytes]":
        """Starts a node, the first one as the head; returns once it has joined."""
        if self.running:
            where = (f"--address={self.address}",)
        else:
            where = ("--head", f"--port={self.address.rpartition(':')[2]}", f"--temp-dir={self.folder}")
            where += ("--include-dashboard=false", f"--dashboard-agent-listen-port={free_port()}")
        options = (f"--num-cpus={cpus}", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000")
        log = self.folder / f"node-{len(self.running)}.log"
        with log.open("wb") as stream:
            # Only then do all processes of a node stay its children.
            node = subprocess.Popen(
                [RAY, "start", *where, *options, "--disable-usage-stats", "--block"],
                # A head would ask for a token, if this user has one, and its other nodes would not know.
                env=own_environment(self.folder, RAY_AUTH_MODE="disabled"),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self.running.append(node)
        deadline = time.monotonic() + _SECONDS
        while b"Ray runtime started" not in log.read_bytes():
            assert node.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        return node

    def kill(self, node: "subprocess.Popen[bytes]") -> None:
        """Ends a node with all its processes, as when a machine loses power."""
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(node.pid)
            for process in (*whole.children(recursive=True), whole):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        node.wait()
        self.running.remove(node)

    def take_back(self, node: "subprocess.Popen[bytes]") -> None:
        """Ends a node as the owner of a spot machine does, who says so two seconds before."""
        from ray._raylet import GcsClient

        raylet = [
            argument.removeprefix("--node_id=")
            for process in psutil.Process(node.pid).children()
            for argument in process.cmdline()
            if argument.startswith("--node_id=")
        ]
        preemption, deadline = 2, time.time() + 2
        GcsClient(address=self.address).drain_node(raylet[0], preemption, "taken back", int(1000 * deadline))
        time.sleep(2 + 1)
        self.kill(node)

    def kill_all(self) -> None:
        for node in list(self.running):
            self.kill(node)


@contextmanager
def own_cluster() -> Iterator[Nodes]:
    """A cluster without nodes yet; at the end none is left."""
    with short_folder() as folder:
        nodes = Nodes(folder)
        try:
            yield nodes
        finally:
            nodes.kill_all()
