"""Adding confirm seeds to a study: to which, after which looks at its results, and whether it needs more."""

import json
import subprocess
import sys
from collections import Counter
from typing import Any

from search_spaces.registry import space
from study.records import Study
from trainables.errors import UserError
from trainables.storage import Folder

DECISION = "stopping.json"

FIRST_LOOK = 3
"""Fewest seeds at which the analysis can decide (analysis.statistics.sequential)."""


def first_look(seeds: int) -> int:
    """The seeds at the first look of a study that was asked for so many."""
    return max(seeds, FIRST_LOOK)


def planned_seeds(folder: Folder) -> int | None:
    """The most seeds for which a study that has looked at its results planned its error rate; None before a look."""
    recorded = _recorded(folder)
    return None if recorded is None else int(recorded["max_seeds"])


def looks_so_far(folder: Folder, seeds: int) -> list[int]:
    """The seeds at every look that a study has taken, and at the next one, which may repeat the last.

    `seeds`: as many as were asked for. No look is forgotten: the error rate is spent over all of them.
    """
    recorded = _recorded(folder)
    if recorded is None:
        return [first_look(seeds)]
    asked = [int(look) for look in recorded["asked"]]
    return asked if recorded["stop"] or seeds <= asked[-1] else [*asked, seeds]


def trials_of_all(study: Study) -> int:
    """The search trials that every branch of an unfinished search has ended: the equal effort that can be confirmed.

    Raises UserError if a branch has none, and for samplers whose trials depend on how many there will be.
    """
    where, settings = study.folder.location, study.info["settings"]
    if (settings.get("sampler") or space(study.info["space"]).sampler) in ("grid", "nsga2"):
        raise UserError(
            f"{where} is in its search phase, and a grid or a genetic search cannot be cut short: end it with --resume."
        )
    ended = Counter(trial.family for trial in study.trials if trial.phase == "search" and trial.result is not None)
    planned = {name: int(budget["trials"]) for name, budget in study.info["families"].items()}
    fewest = min(ended[name] if trials > 1 else ended[name] * max(planned.values()) for name, trials in planned.items())
    if fewest == 0:
        missing = ", ".join(name for name in planned if not ended[name])
        raise UserError(f"{where} has no search trial of {missing} yet: go on with --resume.")
    return fewest


def _recorded(folder: Folder) -> dict[str, Any] | None:
    if not folder.exists(DECISION):
        return None
    try:
        found: dict[str, Any] = folder.read_json(DECISION)
        return {name: found[name] for name in ("stop", "asked", "max_seeds")}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder.location}/{DECISION} is damaged ({error!r}): without the looks that it names the error rate of "
            "--until-separable cannot be kept; restore it from a copy."
        ) from error


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
