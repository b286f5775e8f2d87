"""Versions, commit and hardware: what a reader needs to know to repeat a study."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from study.cluster.resources import cores

_PACKAGES = (
    "hybrid-batch-studies", "babel", "datasets", "faiss-cpu", "numpy", "optuna", "pandas", "pyarrow", "ray", "scipy",
    "sentencepiece", "tokenizers", "torch", "transformers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of this project, with `+changes` if files differ from it; None outside a checkout."""
    root = Path(__file__).parent.parent
    try:
        commit = _git("rev-parse", "HEAD", cwd=root)
        return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no", cwd=root) else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def changes_since(before: Mapping[str, str], commit: str | None) -> str | None:
    """Returns what differs here from the versions and the commit that a study began with, in a sentence on what that
    means; None where nothing does.

    >>> "python 2.7" in changes_since({**versions(), "python": "2.7"}, git_commit())
    True
    """
    now = versions()
    packages = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    then = [f"{name} {before.get(name, 'not recorded')} (now {now.get(name, 'not installed')})" for name in packages]
    if commit != (here := git_commit()):
        then.append(f"commit {commit or 'unknown'} (now {here or 'unknown'})")
    if not then:
        return None
    return (
        f"The study began with {', '.join(then)}: what is trained from here on may differ from what it would have been."
    )


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and accelerators of this machine."""
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(memory / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
