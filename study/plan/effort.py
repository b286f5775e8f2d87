"""How many search trials each branch gets: every one the same, and the constants as many as the schedules.

>>> branches = [("X-Y", "strategy", ["lr"]), ("static", "static", ["ratio.value", "lr"]), ("linear", "dynamic", ["lr"]),
...     ("step", "dynamic", ["lr"]), ("cyclic", "dynamic", ["lr"])]
>>> effort(branches, 4, ("best dynamic", "best static"))
{'X-Y': 4, 'static': 8, 'linear': 4, 'step': 4, 'cyclic': 4}
"""

from collections.abc import Collection, Sequence

from search_spaces.space import Role
from study.plan.arms import BEST_DYNAMIC, BEST_STATIC

Searched = tuple[str, Role, Collection[str]]
"""Name, role and searched options of a branch."""


def effort(branches: Sequence[Searched], trials: int, main_comparison: tuple[str, str] | None) -> dict[str, int]:
    """Returns the search trials of every branch by name.

    A branch gets `trials`; one with nothing to search needs a single one. Where the question is about `best dynamic`,
    the best of all schedules, and `best static`, the best of all constants, one of them would be the best of more
    trials: what the other side lacks goes to those of its branches that search their ratio or, if none does, to all
    that search anything.
    """
    found = {name: trials if searched else 1 for name, _, searched in branches}
    if set(main_comparison or ()) != {BEST_DYNAMIC, BEST_STATIC}:
        return found
    sides = [[b for b in branches if (b[1] == "dynamic") is moves] for moves in (True, False)]
    totals = [sum(found[name] for name, *_ in side) for side in sides]
    if not all(totals):
        return found
    fewer = sides[0] if totals[0] < totals[1] else sides[1]
    able = [name for name, _, searched in fewer if any(key.startswith("ratio.") for key in searched)]
    takers = able or [name for name, _, searched in fewer if searched]
    for number, name in enumerate(takers):
        share, rest = divmod(abs(totals[0] - totals[1]), len(takers))
        found[name] += share + (number < rest)
    return found
