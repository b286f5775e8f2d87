"""How much memory this process has held."""

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

_PROCESS = Path("/proc/self")
_MAXRSS_PER_GIB = 2**30 if sys.platform == "darwin" else 2**20


def forget_what_was_held() -> None:
    """Gives freed memory back to the system and starts the peak anew, so that a process that runs one trial after the
    other neither grows nor reports what it held before; only Linux with glibc can.

    Batches of many shapes leave a heap full of holes: a second trial of an encoder with 25M weights held 8.6 GiB where
    the first one held 6.2.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    with suppress(OSError):
        # 5: the peak becomes what is held now (man 5 proc).
        (_PROCESS / "clear_refs").write_text("5")


def held_gib() -> float:
    """The memory in GiB that the process holds now (resident set); 0 where the system does not say."""
    with suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 2**20
    return 0.0


def peak_gib() -> float:
    """The most memory in GiB that the process held at a time (resident set) since the last `forget_what_was_held`."""
    with suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS_PER_GIB
