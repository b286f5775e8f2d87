"""Adding confirm seeds to a study: to which, after which looks at its results, and whether it needs more."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from search_spaces.registry import space
from study.records import Study
from trainables.errors import UserError

FIRST_LOOK = 3
"""Fewest seeds at which the analysis can decide (analysis.statistics.sequential)."""


def first_look(seeds: int) -> int:
    """The seeds at the first look of a study that was asked for so many."""
    return max(seeds, FIRST_LOOK)


def looks_so_far(study: Study, seeds: int) -> list[int]:
    """The seeds at every look that a study has taken, and at the next one, which may repeat the last.

    `seeds`: as many as were asked for. No look is forgotten: the error rate is spent over all of them.
    """
    decision = study.decision
    if decision is None:
        return [first_look(seeds)]
    asked = list(decision.asked)
    return asked if decision.stop or seeds <= asked[-1] else [*asked, seeds]


def trials_of_all(study: Study) -> int:
    """The search trials that every branch of an unfinished search has ended: the equal effort that can be confirmed.

    Raises UserError if a branch has none, and for samplers whose trials depend on how many there will be.
    """
    where, info = study.folder.location, study.info
    if (info.settings.sampler or space(info.space).sampler) in ("grid", "nsga2"):
        raise UserError(
            f"{where} is in its search phase, and a grid or a genetic search cannot be cut short: end it with --resume."
        )
    ended = Counter(_place(t.record.branch, t.record.cell) for t in study.trials if t.phase == "search" and t.result)
    planned = {_place(budget.branch, budget.cell): budget.trials for budget in info.branches}
    most = max(planned.values())
    fewest = min(ended[place] if trials > 1 else ended[place] * most for place, trials in planned.items())
    if fewest == 0:
        missing = ", ".join(" ".join(place) for place in planned if not ended[place])
        raise UserError(f"{where} has no search trial of {missing} yet: go on with --resume.")
    return fewest


def _place(branch: str | None, cell: Mapping[str, str]) -> tuple[str, ...]:
    """A branch in a cell, as a key."""
    return (str(branch), *cell.values())


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
