"""How metrics are named in the records, and what is known about the measures behind them.

A summary metric is named `<benchmark>/<place>/<measure>[/<cell>]`. A place is a setting (monolingual, cross-lingual,
multilingual) or a group of measures such as `bias`. A cell is a query language or a pair `de-en`.

>>> name = MetricName.parse("xquad-r/cross-lingual/map/de-en")
>>> name.benchmark, name.place, name.measure, name.cell
('xquad-r', 'cross-lingual', 'map', 'de-en')
>>> str(MetricName("xquad-r", "multilingual", "map"))
'xquad-r/multilingual/map'
"""

from dataclasses import dataclass
from typing import Literal

BIAS = "bias"
"""The place of measures of language bias."""
EFFICIENCY = "efficiency"
"""The place of measures of inference cost."""
RANK_DISTANCE = "rank_distance"

Unit = Literal["score", "rank", "share", "count"]


@dataclass(frozen=True, order=True)
class MetricName:
    """The name of a summary metric, in parts."""

    benchmark: str
    place: str = ""
    measure: str = ""
    cell: str = ""

    @classmethod
    def parse(cls, text: str) -> "MetricName":
        """Takes a name apart; `<benchmark>/<measure>` has no place."""
        parts = text.split("/", 3)
        if len(parts) == 2:
            parts.insert(1, "")
        return cls(*parts)

    def of(self, cell: str) -> "MetricName":
        """The same metric of one cell."""
        return MetricName(self.benchmark, self.place, self.measure, cell)

    def __str__(self) -> str:
        return "/".join(part for part in (self.benchmark, self.place, self.measure, self.cell) if part)


@dataclass(frozen=True)
class Measure:
    """A measure: how it is called, in what it is counted, and which direction is better.

    `short` is its name where the rest is clear from the place. A measure that is no `estimate` is a fact about the
    pool or a count, and has no interval.
    """

    name: str
    label: str
    unit: Unit = "score"
    lower_is_better: bool = False
    short: str = ""
    is_estimate: bool = True


_KNOWN = (
    Measure("map", "mAP"),
    Measure("map@20", "mAP@20"),
    Measure("ndcg@10", "nDCG@10"),
    Measure("mrr@10", "MRR@10"),
    Measure(RANK_DISTANCE, "rank distance", "rank", lower_is_better=True),
    Measure("rank_distance_median", "rank distance median", "rank", lower_is_better=True, short="median"),
    Measure("rank_distance_log", "rank distance log", "score", lower_is_better=True, short="log form"),
    Measure("diagonal_gap", "diagonal gap", "score", lower_is_better=True),
    Measure("same_language_share@10", "same language share@10", "share", short="same language in top 10"),
    Measure("same_language_pool_share", "same language pool share", "share", short="in the pool", is_estimate=False),
    Measure("ties", "ties", "count", is_estimate=False),
)
MEASURES = {one.name: one for one in _KNOWN}
"""What is known about measures, in the order of the tables."""


def measure(name: str) -> Measure:
    """What is known about a measure; one that nobody described is a score of which more is better."""
    return MEASURES.get(name) or Measure(name, name)


def metric_label(name: str) -> str:
    """A measure as papers write it: `mAP`."""
    return measure(name).label


def place_label(benchmark: str, setting: str, name: str) -> str:
    """A measure with its place: `mAP of xquad-r, multilingual`."""
    if name == RANK_DISTANCE:
        return f"{metric_label(name)} of {benchmark}"
    return f"{metric_label(name)} of {benchmark}, {setting}"


def objective_label(objective: str) -> str:
    """An objective as people read it: `multilingual mAP`, `rank distance`."""
    place, _, name = objective.rpartition("/")
    return metric_label(name) if place in (BIAS, "") else f"{place} {metric_label(name)}"
