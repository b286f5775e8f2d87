"""A real study as it is seen while it runs: Ray's dashboard, the metrics that Prometheus scrapes, event files."""

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from study.cluster.metrics import METRICS, TAGS
from study.study_folder import open_study
from tests.study.conftest import start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OPTIONS = (
    *(
        "--space",
        "static_ratio",
        "--trials",
        "1",
        "--seeds",
        "1",
        "--trial-budget",
        "3",
        "--arms",
        "X-Y,hybrid-0.5,static",
    ),
    *("--model", "mini-xs", "--steps", "300", "--batch-size", "16", "--learning-rate", "0.001"),
    *("--set", "monitoring.reports=20", "--name", "seen", "--log-to", "tensorboard", "--quiet"),
)


@dataclass
class Seen:
    """All that was seen of the study until it ended."""

    study: Path
    labels: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Of every scraped sample of the study, by name."""
    jobs: list[Any] = field(default_factory=list)
    actors: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    """What the study left in Ray's folder for temporary files."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Runs the study and looks at it again and again."""
    storage, temporary = tmp_path_factory.mktemp("studies"), Path(mkdtemp(prefix="w"))
    found = Seen(storage / "seen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", str(temporary))
        # Sockets do not fit into a folder as deep as those of some clusters' jobs.
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("deep" * 30)))
        patch.setenv("RAY_metrics_report_interval_ms", "500")
        process = start(*OPTIONS, "--storage", str(storage))
    while process.poll() is None:
        # Ray starts and stops in between: what does not answer is asked again.
        with suppress(OSError, ValueError, KeyError):
            look(found, temporary)
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
            with suppress(psutil.Error):
                found.titles.update(child.cmdline()[:1])
        time.sleep(0.3)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    found.left = [path.name for path in temporary.iterdir()]
    yield found
    shutil.rmtree(temporary)


def look(found: Seen, temporary: Path) -> None:
    for file in temporary.glob("hbs-*.json"):
        for target in json.loads(file.read_text())[0]["targets"]:
            for family in text_string_to_metric_families(get(f"http://{target}/metrics").decode()):
                for sample in family.samples:
                    if sample.name.startswith("ray_study_"):
                        found.labels.setdefault(sample.name.removeprefix("ray_"), []).append(sample.labels)
    for token in temporary.glob("hbs-*/auth_token"):
        address = json.loads((found.study / "status.json").read_text())["dashboard"]
        found.jobs = json.loads(get(f"{address}/api/jobs/", token.read_text()))
        actors = json.loads(get(f"{address}/logical/actors", token.read_text()))["data"]["actors"]
        found.actors |= {actor["reprName"] for actor in actors.values()}


def get(address: str, token: str = "") -> bytes:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def test_every_declared_metric_is_scraped_with_its_tags(seen: Seen) -> None:
    assert seen.labels.keys() == METRICS.keys()
    for name, samples in seen.labels.items():
        for labels in samples:
            assert labels["study"] == "seen"
            # Prometheus takes an empty label for none.
            assert {tag for tag in METRICS[name].tags if tag not in labels} <= {"branch", "arm", "cell"}
    assert {labels["kind"] for labels in seen.labels["study_loss"]} == {"all", "mono", "cross"}
    assert {"X-Y", "hybrid 0.5"} <= {labels.get("branch") for labels in seen.labels["study_ratio"]}
    assert "dev/overall/map" in {labels["metric"] for labels in seen.labels["study_dev"]}
    states = {(labels["phase"], labels["state"]) for labels in seen.labels["study_trials"]}
    assert {("search", "planned"), ("search", "running"), ("search", "done"), ("confirm", "planned")} <= states
    assert set(TAGS) >= {"study", "phase", "branch", "arm"}


def test_the_dashboard_shows_a_study_with_its_phase_and_its_trials(seen: Seen) -> None:
    (job,) = seen.jobs
    assert job["metadata"] == {"study": "seen", "space": "static_ratio", "records": str(seen.study)}
    assert "seen: search trials" in seen.actors
    ended = {f"ray::seen/{trial.id}" for trial in open_study(str(seen.study)).trials}
    assert ended & seen.titles, "processes are named after what they run"


def test_every_trial_has_its_event_files_and_the_study_is_whole(seen: Seen) -> None:
    study = open_study(str(seen.study))
    assert {path.name for path in (seen.study / "tensorboard").iterdir()} == {trial.id for trial in study.trials}
    assert study.status.state == "budget"
    assert study.problems == []


def test_nothing_is_left_of_ray(seen: Seen) -> None:
    assert [name for name in seen.left if name.startswith("hbs-")] == []
