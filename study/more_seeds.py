"""Whether a study needs more confirm seeds (--until-separable): asked of the analysis, in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from study.records import UserError

FIRST_LOOK = 3
"""Fewest seeds at which the analysis can decide (analysis.sequential)."""


def first_look(seeds: int) -> int:
    """The seeds at the first look of a study that was asked for so many."""
    return max(seeds, FIRST_LOOK)


def decide(location: str, looks: list[int], max_seeds: int) -> dict[str, Any]:
    """Returns the decision after `looks[-1]` seeds: `stop`, `verdict`, `sentence`; raises UserError if there is none.

    The analysis depends on the records alone, and the study does not depend on the analysis: they meet in a command.
    """
    command = [sys.executable, "-m", "analysis.stopping", location, "--max-seeds", str(max_seeds), "--looks"]
    done = subprocess.run([*command, *map(str, looks)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UserError(f"The decision about more seeds failed: {lines[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
