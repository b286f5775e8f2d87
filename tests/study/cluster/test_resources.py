"""How many trials fit: cores filled, never oversubscribed, and an impossible request refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.cluster.resources import check_local, plan_resources
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
        # A part of a GPU is a part of one: of 0.3 each takes three.
        if wanted == 0.3:
            left_gpu, each = 3 * left_gpu, 1.0
        else:
            each = wanted
        while left_cpu >= cpus - 1e-9 and left_gpu >= each - 1e-9:
            left_cpu, left_gpu, room = left_cpu - cpus, left_gpu - each, room + 1
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


def test_parts_of_gpus_are_parts_of_one() -> None:
    nodes = [{"CPU": 64, "GPU": 2}]
    fits = {part: plan_resources(StudySettings(gpus_per_worker=part), nodes).concurrent for part in (0.25, 0.5, 0.6)}
    assert fits == {0.25: 8, 0.5: 4, 0.6: 2}
    with pytest.raises(UserError, match="must be whole ones; give 1"):
        plan_resources(StudySettings(gpus_per_worker=1.5), nodes)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(1, 4))
def test_trials_of_several_workers_go_where_their_placement_lets_them(cores: list[int], workers: int) -> None:
    """By hand: trial after trial on what the others have left, the fullest node last."""

    def by_hand(placement: str) -> int:
        left, trials = list(cores), 0
        while True:
            if placement == "strict_pack":
                chosen = next(([i] * workers for i, room in enumerate(left) if room >= workers), None)
            elif placement == "strict_spread":
                most = sorted(range(len(left)), key=lambda i: -left[i])[:workers]
                chosen = most if len(most) == workers and all(left[i] for i in most) else None
            else:
                free = [i for i, room in enumerate(left) for _ in range(room)]
                chosen = free[:workers] if len(free) >= workers else None
            if chosen is None:
                return trials
            for i in chosen:
                left[i] -= 1
            trials += 1

    for placement in ("pack", "spread", "strict_pack", "strict_spread"):
        settings = StudySettings(workers_per_trial=workers, gpus_per_worker=0, placement=placement)
        nodes = [{"CPU": float(count)} for count in cores]
        if expected := by_hand(placement):
            found = plan_resources(settings, nodes)
            assert found.concurrent == expected, placement
            assert found.placement == placement.upper()
        else:
            with pytest.raises(UserError, match="One trial asks for"):
                plan_resources(settings, nodes)


def test_types_of_gpus_and_custom_resources_choose_the_nodes() -> None:
    small = {"CPU": 16.0, "GPU": 4.0, "accelerator_type:T4": 1.0}
    large = {"CPU": 16.0, "GPU": 8.0, "accelerator_type:A100": 1.0, "fast_disk": 3.0}
    assert plan_resources(StudySettings(), [small, large]).concurrent == 12
    assert plan_resources(StudySettings(accelerator_type="A100"), [small, large]).concurrent == 8
    found = plan_resources(StudySettings(accelerator_type="A100", resource=("fast_disk=1",)), [small, large])
    assert found.concurrent == 3
    assert found.of_worker == {"CPU": 1, "GPU": 1, "fast_disk": 1, "accelerator_type:A100": 0.001}
    with pytest.raises(UserError, match=r"of 1 CPUs and 1 GPUs and 1 licence each, the cluster has .* and 0 licence"):
        plan_resources(StudySettings(resource=("licence=1",)), [small])


@pytest.mark.parametrize("text", ["licence", "=1", "licence=", "licence=0", "licence=-1", "licence=inf", "GPU=1"])
def test_a_custom_resource_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=AMOUNT"):
        StudySettings(resource=(text,))


def test_what_only_a_cluster_has_is_not_asked_of_one_machine() -> None:
    for settings in (StudySettings(resource=("licence=1",)), StudySettings(wait_for_cluster="1m")):
        with pytest.raises(UserError, match="only a cluster has that"):
            check_local(settings)
