"""A cluster that `ray start` has started on this machine, under a token, and jobs that run there to their end."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ray_nodes import RAY, free_port, own_environment, short_folder


@dataclass(frozen=True)
class JobCluster:
    """A cluster that takes jobs."""

    folder: Path
    """Of its session."""
    address: str
    """Of its dashboard."""
    environment: dict[str, str]
    """That may use it, and that its processes have."""

    def submit(self, name: str, command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a job to its end; a cluster that has just been started may need a while until it takes one."""
        whole = [RAY, "job", "submit", "--address", self.address, "--submission-id", name, "--", "bash", "-c", command]
        deadline = time.monotonic() + 120
        while True:
            done = subprocess.run(whole, env=self.environment, capture_output=True, text=True, timeout=500)
            if "No available agent" not in done.stdout + done.stderr or time.monotonic() > deadline:
                return done
            time.sleep(2)


@contextmanager
def job_cluster(**more: str) -> Iterator[JobCluster]:
    """A cluster of one node with these environment variables; at the end nothing of it is left."""
    with short_folder() as folder:
        (folder / "token").write_text(secrets.token_hex(32))
        environment = own_environment(
            folder,
            # It listens on this machine only, as long as it is one node.
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(folder / "token"),
            **more,
        )
        # Jobs go through the agent of a node, whose usual port any other Ray of this machine may have.
        port, dashboard, agent = free_port(), free_port(), free_port()
        options = ("--head", "--num-cpus=2", "--node-ip-address=127.0.0.1", f"--port={port}", f"--temp-dir={folder}")
        web = ("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}")
        small = ("--object-store-memory=200000000", "--disable-usage-stats")
        try:
            subprocess.run([RAY, "start", *options, *web, *small], env=environment, check=True, timeout=300)
            yield JobCluster(folder, f"http://127.0.0.1:{dashboard}", environment)
        finally:
            _end(folder)


def _end(folder: Path) -> None:
    """Ends what has the folder in its command; `ray stop` would end every Ray of this machine."""
    for process in list(psutil.process_iter()):
        with suppress(psutil.Error):
            if any(str(folder) in part for part in process.cmdline()):
                for one in (*process.children(recursive=True), process):
                    with suppress(psutil.Error):
                        one.kill()
