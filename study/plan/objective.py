"""What the search optimises: one or more dev metrics with a direction."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trainables.errors import UserError, unknown_name

SETTINGS = ("monolingual", "cross-lingual", "multilingual")
DEV_METRICS: Mapping[str, Literal["maximize", "minimize"]] = {
    **{f"{setting}/{metric}": "maximize" for setting in SETTINGS for metric in ("map", "recall@1", "recall@10")},
    "bias/rank_distance": "minimize",
    "bias/rank_distance_median": "minimize",
    "bias/rank_distance_log": "minimize",
    "bias/diagonal_gap": "minimize",
}
"""The dev metrics that may be an objective, each with the direction that is better."""


@dataclass(frozen=True)
class Objective:
    """A dev metric and whether more or less of it is better."""

    metric: str
    direction: Literal["maximize", "minimize"]

    def score(self, metrics: Mapping[str, float]) -> float:
        """The value such that more is better; minus infinity where the dev set does not have the metric."""
        value = metrics.get(self.metric, math.nan)
        if math.isnan(value):
            return -math.inf
        return value if self.direction == "maximize" else -value


def parse_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Reads `metric` or `metric:maximize` or `metric:minimize`; raises UserError for anything else."""
    found = []
    for text in texts:
        metric, _, direction = text.partition(":")
        if metric not in DEV_METRICS:
            raise unknown_name("objective", metric, DEV_METRICS)
        match direction or DEV_METRICS[metric]:
            case "maximize":
                found.append(Objective(metric, "maximize"))
            case "minimize":
                found.append(Objective(metric, "minimize"))
            case _:
                raise UserError(
                    f"--objective {text}: the direction is {direction!r}, but must be maximize or minimize."
                )
    if len({objective.metric for objective in found}) < len(found):
        raise UserError(f"--objective {' '.join(texts)}: a metric is named twice; name each once.")
    return tuple(found)
