"""A study as a job of a cluster that `ray start` has started, under a token: it ends, and run again it goes on."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from study.study_folder import open_study
from tests.ray_nodes import RAY, ROOT, free_port, own_environment, short_folder

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]

OPTIONS = (
    *("--space", "static_ratio", "--trials", "1", "--seeds", "1", "--arms", "X-Y,hybrid-0.5", "--model", "mini-xs"),
    *("--steps", "12", "--batch-size", "16", "--learning-rate", "0.001"),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a cluster's dashboard, and the environment that may use it."""
    with short_folder() as folder:
        (folder / "token").write_text(secrets.token_hex(32))
        environment = own_environment(
            folder,
            # It listens on this machine only, as long as it is one node.
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(folder / "token"),
        )
        # Jobs go through the agent of a node, whose usual port any other Ray of this machine may have.
        port, dashboard, agent = free_port(), free_port(), free_port()
        options = ("--head", "--num-cpus=2", "--node-ip-address=127.0.0.1", f"--port={port}", f"--temp-dir={folder}")
        web = ("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}")
        small = ("--object-store-memory=200000000", "--disable-usage-stats")
        subprocess.run([RAY, "start", *options, *web, *small], env=environment, check=True, timeout=300)
        yield f"http://127.0.0.1:{dashboard}", environment
        # `ray stop` would end every Ray of this machine.
        for process in list(psutil.process_iter()):
            with suppress(psutil.Error):
                if any(str(folder) in part for part in process.cmdline()):
                    for one in (*process.children(recursive=True), process):
                        with suppress(psutil.Error):
                            one.kill()


def submitted(address: str, environment: dict[str, str], name: str, command: str) -> "subprocess.CompletedProcess[str]":
    """Runs a job to its end; a cluster that has just been started may need a while until it takes one."""
    submit = [RAY, "job", "submit", "--address", address, "--submission-id", name, "--", "bash", "-c", command]
    deadline = time.monotonic() + 120
    while True:
        done = subprocess.run(submit, env=environment, capture_output=True, text=True, timeout=500)
        if "No available agent" not in done.stdout + done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(2)


def test_a_job_runs_a_study_to_its_end_and_the_next_one_finds_it_done(
    cluster: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    address, environment = cluster
    command = f"cd {ROOT} && deploy/run_or_resume.sh {tmp_path} mine {' '.join(OPTIONS)}"
    written = []
    for number in range(2):
        done = submitted(address, environment, f"study-{number}", command)
        assert done.returncode == 0, done.stdout + done.stderr
        study = open_study(str(tmp_path / "mine"))
        assert study.status.state == "complete"
        written.append({trial.id: trial.folder.modified("result.json") for trial in study.trials})
    assert written[0]
    assert written[0] == written[1], "a finished trial was run again"


def test_without_the_token_nobody_may(cluster: tuple[str, dict[str, str]]) -> None:
    address, environment = cluster
    stranger = {**environment, "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [RAY, "job", "list", "--address", address], env=stranger, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
