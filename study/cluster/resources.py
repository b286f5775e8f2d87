"""What the cluster has, what a trial asks for, and whether that fits."""

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from study.settings import StudySettings
from trainables.errors import UserError

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Resources:
    """What one trial holds, and how many trials run at a time."""

    workers: int
    cpus_per_worker: float
    gpus_per_worker: float
    concurrent: int
    custom: Mapping[str, float] = field(default_factory=dict)
    """Of a worker: custom resources of the cluster, and its type of GPU."""
    placement: str = "PACK"
    """Ray's strategy for the workers of a trial."""
    slots: int = 0
    """Such workers for which the whole cluster has room; 0 on one that was not asked."""

    @property
    def of_worker(self) -> dict[str, float]:
        """All that a worker holds, as Ray names it."""
        return _held({"CPU": self.cpus_per_worker, "GPU": self.gpus_per_worker, **self.custom})

    @property
    def threads(self) -> int:
        """Threads of a worker: its cores."""
        return max(1, int(self.cpus_per_worker))


def check_address(address: str) -> None:
    """Raises UserError unless something listens at `host:port`: Ray would try for minutes. `auto` is left to Ray."""
    if address.startswith("ray://"):
        raise UserError(
            f"--address {address}: Ray Client cannot run a study; start this command on a machine of the cluster with "
            "--address auto."
        )
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: nothing answers there ({error}); start a cluster with `ray start --head`, or leave "
            "--address out to start Ray here."
        ) from error


def plan_resources(settings: StudySettings, nodes: Sequence[Mapping[str, float]]) -> Resources:
    """Computes what trials get on nodes with the given resources, by Ray's names (`CPU`, `GPU`, custom ones).

    A worker must fit on one node; where the workers of a trial may go, `--placement` says. So many trials run at a time
    that none ever waits for the workers of another one. Raises UserError with asked and available where not even one
    trial fits: Ray would wait for ever.
    """
    has_gpus = any(node.get("GPU", 0) >= 1 for node in nodes)
    gpus = settings.gpus_per_worker if settings.gpus_per_worker is not None else float(has_gpus)
    workers = settings.workers_per_trial
    if workers > 1 and gpus % 1:
        raise UserError(
            f"--gpus-per-worker {gpus:g} with --workers-per-trial {workers}: workers of one trial "
            "cannot share a GPU (NCCL); give whole GPUs, or one worker per trial."
        )
    if gpus > 1 and gpus % 1:
        raise UserError(f"--gpus-per-worker {gpus:g}: more than one GPU must be whole ones; give {int(gpus)}.")
    found = replace(asked_resources(settings), gpus_per_worker=gpus)
    if (lack := no_room(found, nodes)) is not None:
        raise UserError(
            f"{lack}: lower --workers-per-trial, --cpus-per-worker or --gpus-per-worker, or wait for a cluster that "
            "grows with --wait-for-cluster."
        )
    slots = _slots(found, nodes)
    concurrent = _trials_at_a_time(slots, workers, found.placement)
    return replace(found, concurrent=min(settings.max_concurrent_trials or concurrent, concurrent), slots=sum(slots))


def no_room(held: Resources, nodes: Sequence[Mapping[str, float]]) -> str | None:
    """Returns what a trial asks for and what nodes have, if not even one has room on them all; None if one has."""
    slots = _slots(held, nodes)
    if _trials_at_a_time(slots, held.workers, held.placement):
        return None
    has = " + ".join(_described(node, held.of_worker) for node in nodes) or "no nodes"
    strict = held.placement.startswith("STRICT") and held.workers > 1
    placed = f", placed as {held.placement.lower()}" if strict else ""
    return (
        f"One trial asks for {held.workers} workers of {_described(held.of_worker, held.of_worker)} each{placed}, the "
        f"cluster has {has}, room for {sum(slots)}"
    )


def check_local(settings: StudySettings) -> None:
    """Raises UserError for what only a cluster has, where none is named."""
    flags = {
        "--accelerator-type": settings.accelerator_type,
        "--resource": " ".join(settings.resource),
        "--wait-for-cluster": settings.wait_for_cluster,
    }
    for flag, value in flags.items():
        if value:
            raise UserError(f"{flag} {value}: only a cluster has that; name one by --address, or leave it out.")


def asked_resources(settings: StudySettings) -> Resources:
    """What trials ask for, on a cluster that was not asked: one trial at a time unless the settings say otherwise."""
    custom = {name: float(amount) for name, _, amount in (one.partition("=") for one in settings.resource)}
    if settings.accelerator_type:
        # As Ray itself has a worker ask for a type.
        custom[f"accelerator_type:{settings.accelerator_type}"] = 0.001
    return Resources(
        settings.workers_per_trial,
        settings.cpus_per_worker,
        settings.gpus_per_worker or 0.0,
        settings.max_concurrent_trials or 1,
        custom,
        settings.placement.upper(),
    )


def on_gpus(settings: StudySettings) -> Resources:
    """What trials ask for on machines with GPUs, one for each worker, wherever they may be."""
    return replace(asked_resources(settings), gpus_per_worker=1.0)


def cores() -> int:
    """The cores that this process may use: of its machine, its affinity and its container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # The file says "max 100000" where there is no limit, and there is none outside Linux.
    with suppress(OSError, ValueError):
        quota, period = map(int, Path("/sys/fs/cgroup/cpu.max").read_text().split())
        count = min(count, max(1, quota // period))
    return count


def gpu_count() -> int:
    """The GPUs that PyTorch can use here: none with a build for CPUs, whatever the machine has."""
    import torch

    return torch.cuda.device_count()


def this_machine() -> list[dict[str, float]]:
    """This machine as the only node of a cluster, without starting Ray."""
    return [{"CPU": float(cores()), "GPU": float(gpu_count())}]


def _slots(held: Resources, nodes: Sequence[Mapping[str, float]]) -> list[int]:
    """Workers for which each node has room."""
    return [_workers_on(node, held.of_worker) for node in nodes]


def _workers_on(node: Mapping[str, float], worker: Mapping[str, float]) -> int:
    return min(_times(node.get(name, 0), amount, name) for name, amount in worker.items())


def _times(there: float, amount: float, name: str) -> int:
    if name == "GPU" and amount < 1:
        # Ray gives a part of one GPU, never parts of two.
        return int(there) * _times(1, amount, "")
    # A little more than the quotient: 0.3 fits three times into 0.9, in floating point or not.
    return int(there / amount + 1e-9)


def _trials_at_a_time(slots: Sequence[int], workers: int, placement: str) -> int:
    """Trials of so many workers for which nodes with room for `slots` workers have room at the same time."""
    if placement == "STRICT_PACK":
        return sum(slot // workers for slot in slots)
    most = sum(slots) // workers
    if placement == "STRICT_SPREAD":
        # Every trial uses a node at most once.
        while most and sum(min(slot, most) for slot in slots) < most * workers:
            most -= 1
    return most


def _held(resources: Mapping[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in resources.items() if amount}


def _described(there: Mapping[str, float], asked: Mapping[str, float]) -> str:
    names = {"CPU": "CPUs", "GPU": "GPUs"}
    others = [name for name in asked if name not in names]
    return " and ".join(f"{there.get(name, 0):g} {names.get(name, name)}" for name in [*names, *others])
