"""How many trials fit: cores filled, never oversubscribed, and an impossible request refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.cluster.resources import plan_resources
from study.settings import StudySettings
from trainables.errors import UserError

NODES = st.lists(
    st.fixed_dictionaries({"CPU": st.integers(0, 64), "GPU": st.sampled_from([0, 1, 8])}), min_size=1, max_size=4
)


@given(NODES, st.integers(1, 9), st.sampled_from([0.5, 1, 3]), st.sampled_from([None, 0, 0.3, 1, 2]))
def test_trials_never_ask_for_more_than_the_nodes_have_and_leave_no_room_for_another(
    nodes: list[dict[str, int]], workers: int, cpus: float, gpus: float | None
) -> None:
    settings = StudySettings(workers_per_trial=workers, cpus_per_worker=cpus, gpus_per_worker=gpus)
    wanted = gpus if gpus is not None else float(any(node["GPU"] for node in nodes))
    # By hand: put workers on nodes one by one.
    room = 0
    for node in nodes:
        left_cpu, left_gpu = float(node["CPU"]), float(node["GPU"])
        while left_cpu >= cpus - 1e-9 and left_gpu >= wanted - 1e-9:
            left_cpu, left_gpu, room = left_cpu - cpus, left_gpu - wanted, room + 1
    if workers > 1 and wanted == 0.3:
        with pytest.raises(UserError, match="workers of one trial cannot share a GPU"):
            plan_resources(settings, nodes)
        return
    if room < workers:
        with pytest.raises(UserError, match=f"asks for {workers} workers .* room for {room}: lower"):
            plan_resources(settings, nodes)
        return
    resources = plan_resources(settings, nodes)
    assert resources.concurrent == room // workers
    assert resources.gpus_per_worker == wanted


def test_a_wish_for_fewer_trials_at_a_time_is_kept_and_one_for_more_is_cut() -> None:
    nodes = [{"CPU": 8, "GPU": 0}]
    assert plan_resources(StudySettings(max_concurrent_trials=3), nodes).concurrent == 3
    assert plan_resources(StudySettings(max_concurrent_trials=99), nodes).concurrent == 8


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (4, 4)])
def test_a_worker_has_as_many_threads_as_cores(cpus: float, threads: int) -> None:
    resources = plan_resources(StudySettings(cpus_per_worker=cpus), [{"CPU": 8, "GPU": 0}])
    assert resources.threads == threads
