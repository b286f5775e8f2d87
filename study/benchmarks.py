"""Where the arms of a study are judged: benchmarks with results, their settings, the metric that speaks for each.

Both the study, which decides whether it needs more seeds, and the report must look at the same place.
"""

from collections.abc import Iterable
from dataclasses import dataclass

SETTINGS = ("monolingual", "cross-lingual", "multilingual")
METRICS = ("map", "ndcg@10", "map@20", "mrr@10", "recall@100", "recall@10", "recall@1")
"""Quality metrics in the order of preference: the first one that a benchmark has speaks for it."""
DEV = "dev"
"""What metrics on the dev set are named after."""


@dataclass(frozen=True)
class JudgedBenchmark:
    """A benchmark of the confirm phase with the settings and the metric that speak for it."""

    name: str
    settings: tuple[str, ...]
    metric: str

    def setting_of(self, objective: str) -> str:
        """The setting of an objective such as `multilingual/map`, or the last one if the benchmark lacks it."""
        wished = objective.split("/")[0]
        return wished if wished in self.settings else self.settings[-1]


def judged_benchmarks(recorded: Iterable[str], metrics: Iterable[str]) -> tuple[JudgedBenchmark, ...]:
    """Returns the benchmarks that have results.

    Args:
        recorded: benchmarks in the order in which the study names them.
        metrics: names of summary metrics of the confirm phase, such as `xquad-r/multilingual/map`.

    >>> judged_benchmarks([], ["xquad-r/multilingual/map", "xquad-r/multilingual/recall@10", "dev/multilingual/map"])
    (JudgedBenchmark(name='xquad-r', settings=('multilingual',), metric='map'),)
    """
    known = set(metrics)
    # The dev set chose the parameters: what an arm reaches on it is no result.
    names = dict.fromkeys([*recorded, *(name for metric in sorted(known) if (name := metric.split("/")[0]) != DEV)])
    found = []
    for name in names:
        for metric in METRICS:
            settings = tuple(setting for setting in SETTINGS if f"{name}/{setting}/{metric}" in known)
            if settings:
                found.append(JudgedBenchmark(name, settings, metric))
                break
    return tuple(found)
