"""What lies in deploy/ fits what it is for: its schemas, the project's flags, the metrics that the code declares."""

import fnmatch
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from study.cluster.local_ray import ray_folder
from study.cluster.metrics import METRICS
from study.command_line import parser

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def versions() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def board() -> Any:
    return json.loads((DEPLOY / "grafana.json").read_text())


def test_the_board_shows_every_metric_by_labels_that_it_has() -> None:
    queries = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    shown = set()
    for query in queries:
        for name, selector in re.findall(r"ray_(\w+)\{([^}]*)\}", query):
            shown.add(name)
            labels = set(re.findall(r"(\w+)=~?", selector))
            labels |= {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
            assert labels <= set(METRICS[name].tags), query
    assert shown == METRICS.keys()


def test_the_legends_and_variables_of_the_board_are_labels() -> None:
    known = {tag for metric in METRICS.values() for tag in metric.tags}
    legends = "".join(target["legendFormat"] for panel in board()["panels"] for target in panel["targets"])
    assert set(re.findall(r"\{\{(\w+)\}\}", legends)) <= known
    for variable in board()["templating"]["list"]:
        for name, label in re.findall(r"label_values\(ray_(\w+), (\w+)\)", variable.get("definition", "")):
            assert label in METRICS[name].tags
    ids = [panel["id"] for panel in board()["panels"]]
    assert len(set(ids)) == len(ids)


def test_prometheus_finds_the_metrics_of_a_study_that_started_ray_itself() -> None:
    (job,) = read("prometheus.yml")["scrape_configs"]
    patterns = [pattern for sd in job["file_sd_configs"] for pattern in sd["files"]]
    with ray_folder() as folder:
        folder.announce_metrics(["127.0.0.1:1"])
        (file,) = [f for f in folder.path.parent.iterdir() if f.name.startswith(folder.path.name) and f.is_file()]
        assert any(fnmatch.fnmatch(f"/tmp/{file.name}", pattern) for pattern in patterns)
        assert json.loads(file.read_text()) == [{"targets": ["127.0.0.1:1"]}]
    assert not file.exists()


def test_the_cluster_fits_rays_schema_and_all_its_workers_are_there_from_the_start() -> None:
    cluster = read("cluster.yaml")
    validate_config(prepare_config(cluster))
    head = cluster["available_node_types"].pop(cluster["head_node_type"])
    assert head["resources"] == {"CPU": 0, "GPU": 0}
    workers = cluster["available_node_types"].values()
    assert all(worker["min_workers"] == worker["max_workers"] for worker in workers)
    assert sum(worker["max_workers"] for worker in workers) == cluster["max_workers"]


def test_the_job_of_kuberay_has_what_its_definition_requires() -> None:
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    assert cluster["rayVersion"] == versions()["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert all(isinstance(value, str) for group in groups for value in group["rayStartParams"].values())
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert container["name"]
        assert container["image"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
    for group in cluster["workerGroupSpecs"]:
        assert group["groupName"]
        assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]


@pytest.mark.parametrize("script", ["slurm.sh", "run_or_resume.sh"])
def test_scripts_are_scripts(script: str) -> None:
    subprocess.run(["bash", "-n", str(DEPLOY / script)], check=True)


def test_the_commands_of_jobs_have_flags_that_exist() -> None:
    slurm = (DEPLOY / "slurm.sh").read_text().replace("\\\n", " ")
    for command in (
        read("rayjob.yaml")["spec"]["entrypoint"],
        slurm[slurm.index("deploy/run_or_resume.sh") : slurm.index(" &\n")],
    ):
        script, _, name, *flags = shlex.split(command)
        assert (ROOT / script).is_file()
        assert name
        parser().parse_args(flags)


def test_the_image_is_made_of_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]]
    assert {"study", "search_spaces", "trainables", "analysis", "constraints.txt"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    (install,) = [line.removeprefix("RUN ") for line in lines if "pip install" in line]
    subprocess.run(["sh", "-n"], input=install, text=True, check=True)
    assert re.search("^torch==", (ROOT / "constraints.txt").read_text(), re.MULTILINE), "what the CPU image changes"
