"""How much a study may spend, in one typed object; when it is spent, the study ends in order and can be resumed."""

import re
import time
from dataclasses import dataclass, field

from study.settings import StudySettings
from trainables.errors import UserError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass
class Budget:
    """Limits of one run of a study. When one is reached no trial is started any more; running ones end."""

    seconds: float | None = None
    trials: int | None = None
    """Trials of the whole study, those of earlier runs included."""
    pairs: int | None = None
    """Training pairs of the whole study, those of earlier runs included."""
    _started: float = field(default_factory=time.monotonic)
    _trials: int = 0
    _pairs: int = 0

    def spend(self, pairs: int) -> None:
        """Counts a trial with its pairs."""
        self._trials += 1
        self._pairs += pairs

    def reached(self, pairs: int) -> str | None:
        """Which limit forbids one more trial of so many pairs, or None."""
        if self.seconds is not None and time.monotonic() - self._started >= self.seconds:
            return "time budget"
        if self.trials is not None and self._trials >= self.trials:
            return "trial budget"
        if self.pairs is not None and self._pairs + pairs > self.pairs:
            return "pair budget"
        return None


def budget_of(settings: StudySettings) -> Budget:
    """Returns the limits that the settings name; raises UserError for a time that is none."""
    seconds = parse_duration(settings.time_budget) if settings.time_budget else None
    return Budget(seconds, settings.trial_budget, settings.pair_budget)


def parse_duration(text: str) -> float:
    """Reads seconds from `90`, `90s`, `15m`, `2.5h` or `3d`; raises UserError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if not match or float(match[1]) <= 0:
        raise UserError(f"--time-budget {text}: must be a time above zero such as 90s, 15m, 2.5h or 3d.")
    return float(match[1]) * _UNITS[match[2] or "s"]
