"""What the cluster has, what a trial asks for, and whether that fits."""

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    """Computes what trials get on nodes with the given `CPU` and `GPU` counts.

    A worker must fit on one node; workers of a trial may spread. Raises UserError with asked and available where not
    even one trial fits: Ray would wait for ever.
    """
    has_gpus = any(node.get("GPU", 0) >= 1 for node in nodes)
    gpus = settings.gpus_per_worker if settings.gpus_per_worker is not None else float(has_gpus)
    cpus = settings.cpus_per_worker
    if settings.workers_per_trial > 1 and gpus % 1:
        raise UserError(
            f"--gpus-per-worker {gpus:g} with --workers-per-trial {settings.workers_per_trial}: workers of one trial "
            "cannot share a GPU (NCCL); give whole GPUs, or one worker per trial."
        )
    slots = sum(_workers_on(node, cpus, gpus) for node in nodes)
    concurrent = slots // settings.workers_per_trial
    if concurrent < 1:
        has = " + ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
        raise UserError(
            f"One trial asks for {settings.workers_per_trial} workers of {cpus:g} CPUs and {gpus:g} GPUs each, the "
            f"cluster has {has}, room for {slots}: lower --workers-per-trial, --cpus-per-worker or --gpus-per-worker."
        )
    wished = settings.max_concurrent_trials or concurrent
    return Resources(settings.workers_per_trial, cpus, gpus, min(wished, concurrent))


def asked_resources(settings: StudySettings) -> Resources:
    """What trials ask for, on a cluster that was not asked: one trial at a time unless the settings say otherwise."""
    return Resources(
        settings.workers_per_trial,
        settings.cpus_per_worker,
        settings.gpus_per_worker or 0.0,
        settings.max_concurrent_trials or 1,
    )


def on_gpus(settings: StudySettings) -> Resources:
    """What trials ask for on machines with GPUs, one for each worker, wherever they may be."""
    return Resources(settings.workers_per_trial, settings.cpus_per_worker, 1.0, settings.max_concurrent_trials or 1)


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


def _workers_on(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    # A little more than the quotient: 0.3 of a GPU fits three times, 3 * 0.3 > 0.9 in floating point or not.
    by_cpu = int(node.get("CPU", 0) / cpus + 1e-9)
    return min(by_cpu, int(node.get("GPU", 0) / gpus + 1e-9)) if gpus else by_cpu
