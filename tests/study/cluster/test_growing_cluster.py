"""A cluster that grows is waited for, and no longer than was said; a node of the right kind is what counts.

What was asked of its autoscaler is taken back when the study ends.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.autoscaler._private.constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
from ray.cluster_utils import Cluster
from ray.experimental.internal_kv import _internal_kv_get

from search_spaces.space import Cell
from study.cluster.tuner import cluster_resources, running_ray
from study.settings import StudySettings
from trainables.errors import UserError
from trainables.storage import Folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


CELLS = (Cell(levels={}, patch={}),)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of one machine without what trials want."""
    before = os.environ.pop("RAY_ADDRESS", None)
    cluster = Cluster()
    cluster.add_node(num_cpus=1, object_store_memory=100_000_000, include_dashboard=False)
    yield cluster
    cluster.shutdown()
    if before is not None:
        os.environ["RAY_ADDRESS"] = before


def requested() -> list[dict[str, float]]:
    """What the autoscaler of the cluster was asked for last."""
    found: list[dict[str, float]] = json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL))
    return found


def test_a_cluster_that_grows_is_waited_for_and_one_that_does_not_is_given_up(cluster: Cluster, tmp_path: Path) -> None:
    asked = {"resource": ("disk=1",), "max_concurrent_trials": 2, "gpus_per_worker": 0.0}
    storage, said = Folder(tmp_path), list[str]()
    settings = StudySettings(**asked, address=cluster.address, wait_for_cluster="2m")
    with running_ray(settings, storage, 0, tmp_path / "ray.log"):
        with pytest.raises(UserError, match=r"--wait-for-cluster 1s: it is over\. One trial asks for .* 1 disk each"):
            cluster_resources(StudySettings(**asked, wait_for_cluster="1s"), CELLS, storage, said.append)
        assert said == ["waiting up to 1s for room for 2 trials: 2 times 1 CPU, 1 disk"]
        with pytest.raises(UserError, match="One trial asks for"):
            cluster_resources(StudySettings(**asked), CELLS, storage, said.append)

        def grow(line: str) -> None:
            cluster.add_node(num_cpus=2, resources={"disk": 2}, object_store_memory=100_000_000)

        found = cluster_resources(settings, CELLS, storage, grow)
        assert found.concurrent == 2
        assert found.of({}).of_worker == {"CPU": 1, "disk": 1}
        assert requested() == [{"CPU": 1, "disk": 1}] * 2
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        assert requested() == []
    finally:
        ray.shutdown()
