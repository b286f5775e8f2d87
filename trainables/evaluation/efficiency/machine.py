"""The machine of a measurement: pinned while it is measured, and asked in what state it is."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import faiss
import torch

from trainables.evaluation.efficiency.records import MachineRecord

_CPU_INFO = Path("/proc/cpuinfo")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@contextmanager
def pinned(threads: int) -> Iterator[tuple[int, ...] | None]:
    """Keeps this thread on `threads` cores and gives the encoder as many threads, and searches one, for the block.

    Yields the cores; None where the system cannot pin.
    """
    can_pin = hasattr(os, "sched_setaffinity")
    allowed = sorted(os.sched_getaffinity(0)) if can_pin else []
    # The last ones: what else runs on a machine tends to begin with the first.
    cores = tuple(allowed[-threads:]) if can_pin else None
    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    if cores is not None:
        os.sched_setaffinity(0, cores)
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(1)
    try:
        yield cores
    finally:
        torch.set_num_threads(before[0])
        faiss.omp_set_num_threads(before[1])
        if cores is not None:
            os.sched_setaffinity(0, allowed)


def machine(threads: int, cores: tuple[int, ...] | None) -> MachineRecord:
    """Returns the state of this machine now."""
    info, governor = _text(_CPU_INFO), _text(_GOVERNOR).strip()
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    megahertz = [float(found) for found in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", info, re.MULTILINE)]
    return MachineRecord(
        host=socket.gethostname(),
        processor=model[1].strip() if model else None,
        load=os.getloadavg() if hasattr(os, "getloadavg") else None,
        megahertz=sum(megahertz) / len(megahertz) if megahertz else None,
        governor=governor or None,
        threads=threads,
        pinned_to=cores,
    )


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8")
    return ""
