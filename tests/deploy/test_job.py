"""A study as a job of a cluster that `ray start` has started, under a token: it ends, and run again it goes on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.study_folder import open_study
from tests.deploy.job_cluster import JobCluster, job_cluster
from tests.ray_nodes import RAY, ROOT

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]

OPTIONS = (
    *("--space", "static_ratio", "--trials", "1", "--seeds", "1", "--arms", "X-Y,hybrid-0.5", "--model", "mini-xs"),
    *("--steps", "12", "--batch-size", "16", "--learning-rate", "0.001"),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[JobCluster]:
    with job_cluster() as started:
        yield started


def test_a_job_runs_a_study_to_its_end_and_the_next_one_finds_it_done(cluster: JobCluster, tmp_path: Path) -> None:
    command = f"cd {ROOT} && deploy/run_or_resume.sh {tmp_path} mine {' '.join(OPTIONS)}"
    written = []
    for number in range(2):
        done = cluster.submit(f"study-{number}", command)
        assert done.returncode == 0, done.stdout + done.stderr
        study = open_study(str(tmp_path / "mine"))
        assert study.status.state == "complete"
        written.append({trial.id: trial.folder.modified("result.json") for trial in study.trials})
    assert written[0]
    assert written[0] == written[1], "a finished trial was run again"


def test_without_the_token_nobody_may(cluster: JobCluster) -> None:
    stranger = {**cluster.environment, "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [RAY, "job", "list", "--address", cluster.address], env=stranger, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
