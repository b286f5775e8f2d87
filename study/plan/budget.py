"""How much a study may spend, in one typed object; when it is spent, the study ends in order and can be resumed."""

import re
import time
from dataclasses import dataclass

from study.settings import StudySettings
from trainables.errors import UserError

PAIR_BUDGET = "pair budget"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Budget:
    """Limits of a study. When one is reached no trial is started any more; running ones end."""

    deadline: float | None = None
    """On the monotonic clock; a study that is resumed gets its time anew."""
    trials: int | None = None
    """Trials of the whole study, those of earlier runs included."""
    pairs: int | None = None
    """Training pairs of the whole study, those of earlier runs included."""

    def reached(self, trials: int, pairs: int) -> str | None:
        """Which limit would be broken by a study of so many trials and pairs, the next trial included; None if none."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return "time budget"
        if self.trials is not None and trials > self.trials:
            return "trial budget"
        if self.pairs is not None and pairs > self.pairs:
            return PAIR_BUDGET
        return None


def budget_of(settings: StudySettings) -> Budget:
    """Returns the limits that the settings name, from now on; raises UserError for a time that is none."""
    seconds = parse_duration(settings.time_budget) if settings.time_budget else None
    return Budget(None if seconds is None else time.monotonic() + seconds, settings.trial_budget, settings.pair_budget)


def parse_duration(text: str, flag: str = "--time-budget") -> float:
    """Reads seconds from `90s`, `15m`, `2.5h` or `3d`; raises UserError for anything else, a number alone included.

    >>> parse_duration("2.5h")
    9000.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if match and not match[2]:
        raise UserError(
            f"{flag} {text} has no unit: write {match[1]}s, {match[1]}m, {match[1]}h or {match[1]}d for "
            "seconds, minutes, hours or days."
        )
    if not match or float(match[1]) <= 0:
        raise UserError(f"{flag} {text}: must be a time above zero such as 90s, 15m, 2.5h or 3d.")
    return float(match[1]) * _UNITS[match[2]]
