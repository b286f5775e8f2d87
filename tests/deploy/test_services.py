"""A study as a job with the services that its users have: S3 (moto's server), MLflow's server, Prometheus.

They are no part of this project's installation: `pip install 'moto[server]' mlflow`, and Debian's package prometheus.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.deploy.job_cluster import JobCluster, job_cluster
from tests.ray_nodes import ROOT, free_port

# The client of MLflow, beside this Python, has a command of that name that serves nothing.
PATH = f"{os.environ['PATH']}:{Path(sys.executable).parent}"
TOOLS = [shutil.which(name, path=PATH) for name in ("moto_server", "mlflow", "prometheus")]

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(None in TOOLS, reason="one of moto_server, mlflow and prometheus is not installed"),
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow's client is not installed beside this Python"),
]

OPTIONS = (
    *("--space", "static_ratio", "--trials", "2", "--seeds", "2", "--arms", "X-Y,hybrid-0.5", "--model", "mini-xs"),
    *("--steps", "30", "--batch-size", "16", "--learning-rate", "0.001"),
    *("--log-to", "mlflow", "--log-to", "tensorboard"),
)


@dataclass(frozen=True)
class Services:
    """A cluster and what runs beside it."""

    cluster: JobCluster
    mlflow: str
    prometheus: str

    def command(self, *words: str) -> str:
        """What a command of the project says, on a machine that sees the storage."""
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=self.cluster.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("services")
    s3, curves, metrics = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    moto, mlflow, prometheus = map(str, TOOLS)
    with ExitStack() as stack:
        stack.enter_context(running([moto, "-H", "127.0.0.1", "-p", port(s3)], s3, folder / "moto.log"))
        asked(Request(f"{s3}/bucket", method="PUT"))
        store = f"sqlite:///{folder}/mlflow.db"
        serve = [mlflow, "server", "--host", "127.0.0.1", "--port", port(curves), "--backend-store-uri", store]
        stack.enter_context(running(serve, curves, folder / "mlflow.log"))
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
        cluster = stack.enter_context(job_cluster(MLFLOW_TRACKING_URI=curves, AWS_ENDPOINT_URL=s3, **keys))
        text = (ROOT / "deploy" / "prometheus.yml").read_text()
        text = text.replace("/tmp/ray/", f"{cluster.folder}/").replace("scrape_interval: 10s", "scrape_interval: 2s")
        (folder / "prometheus.yml").write_text(text)
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        scrape = [prometheus, *options, f"--web.listen-address=127.0.0.1:{port(metrics)}"]
        stack.enter_context(running(scrape, metrics, folder / "prometheus.log"))
        yield Services(cluster, curves, metrics)


@contextmanager
def running(command: Sequence[str], address: str, log: Path) -> Iterator[None]:
    """A server, from when it answers."""
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream, cwd=log.parent) as server:
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    asked(Request(address))
                    break
                except URLError:
                    assert server.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.5)
            yield
        finally:
            server.terminate()


def port(address: str) -> str:
    return address.rpartition(":")[2]


def asked(request: Request) -> bytes:
    with urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def answer(address: str, query: Mapping[str, str]) -> Any:
    return json.loads(asked(Request(f"{address}?{urlencode(query)}")))


def test_a_study_is_whole_in_its_storage_and_seen_by_every_service(services: Services, tmp_path: Path) -> None:
    began = time.time()
    where = "s3://bucket/studies"
    command = f"cd {ROOT} && deploy/run_or_resume.sh {where} mine {' '.join(OPTIONS)}"
    done = services.cluster.submit("first", command)
    assert done.returncode == 0, done.stdout + done.stderr

    whole = services.command("study.run", "--verify", f"{where}/mine")
    trials = int(whole.split("is whole: ")[1].split()[0])
    assert trials == 2 * (1 + 2), "one search trial and two seeds of every arm"
    assert "complete" in services.command("study.status", f"{where}/mine")
    services.command("analysis.report", f"{where}/mine", "--output", str(tmp_path))
    assert (tmp_path / "report.html").exists()

    seen = {}
    for panel in json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$study", "mine").replace("$phase", ".*").replace("$metric", ".*")
            span = {"query": query, "start": str(began), "end": str(time.time()), "step": "2"}
            seen[query] = len(answer(f"{services.prometheus}/api/v1/query_range", span)["data"]["result"])
    print(json.dumps(seen, indent=1))
    assert min(seen.values()) > 0

    body = json.dumps({"experiment_ids": [str(number) for number in range(5)], "max_results": 1000}).encode()
    search = Request(f"{services.mlflow}/api/2.0/mlflow/runs/search", body, {"Content-Type": "application/json"})
    assert len(json.loads(asked(search))["runs"]) == trials

    again = services.cluster.submit("again", command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert services.command("study.run", "--verify", f"{where}/mine") == whole
