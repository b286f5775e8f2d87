"""A schedule as the records hold it: its description in one line, and its ratio if it is constant."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """How the ratio depends on training progress; equal schedules have equal parameters."""

    recorded: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The schedule in one line: `linear, start 0, end 0.8`."""
        named = {"family", "kind", "name", "type"}
        first = [str(self.recorded[key]) for key in self.recorded if key in named][:1]
        rest = [f"{key} {as_text(value)}" for key, value in flat(self.recorded).items() if key not in named]
        return ", ".join([*first, *rest])

    @property
    def constant(self) -> float | None:
        """The ratio of a constant schedule, None for any other."""
        return float(self.recorded["value"]) if self.recorded.get("family") == "constant" else None


def schedule(recorded: Mapping[str, Any] | None) -> Schedule | None:
    """A schedule from its record; None if nothing was recorded."""
    return Schedule(recorded) if recorded else None


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted names.

    >>> flat({"ratio": {"start": 0.5}, "steps": 40})
    {'ratio.start': 0.5, 'steps': 40}
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def as_text(value: Any) -> str:
    """A setting as text: plain values as they are, lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)
