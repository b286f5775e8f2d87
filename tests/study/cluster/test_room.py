"""Lost nodes are told once, and so is their return."""

import pytest

from study.cluster.cells import CellResources
from study.cluster.resources import Resources
from study.cluster.room import Room


def test_a_cluster_without_room_is_told_once_and_so_is_its_return() -> None:
    large = {"CPU": 4.0, "GPU": 2.0}
    small = {"CPU": 1.0}
    nodes, said = [large, small], list[str]()
    held = CellResources({"": Resources(2, 1.0, 1.0, 1)})
    room = Room(held, lambda: nodes, said.append, every=0)
    room.look([{}])
    assert said == []
    nodes[:] = [small]
    room.look([])
    assert said == [], "nothing waits"
    for _ in range(3):
        room.look([{}])
    assert len(said) == 1
    assert said[0].startswith(
        "One trial asks for 2 workers of 1 CPUs and 1 GPUs each, the cluster has 1 CPUs and 0 GPUs, room for 0: "
    )
    assert "add one, or stop the study and --resume it" in said[0]
    nodes[:] = [large]
    for _ in range(3):
        room.look([{}])
    assert said[1:] == ["There is room for all trials again; the study goes on."]
    nodes.clear()
    room.look([{}])
    assert "the cluster has no nodes" in said[2]


def test_two_looks_are_a_while_apart() -> None:
    def nodes() -> list[dict[str, float]]:
        pytest.fail("the cluster was asked too soon")

    Room(CellResources({}), nodes, print).look([{}])
