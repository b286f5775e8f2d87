"""The numbers in print: those of arXiv 2408.10536 (tables 3 to 13) and of the LAReQA README."""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import METRIC_SETTINGS, MetricName

STRATEGIES = {"X-X-mono": "X-X-mono", "X-Y": "X-Y", "hybrid": "hybrid 0.5"}
"""The strategies that were published, each with the arm of ours that is the same."""

_SAME = {"xlm-r": re.compile(r"(xlm-?r|xlm-roberta)-(base|large)"), "labse": re.compile("labse")}
"""What the published models are called. Of XLM-R the paper does not say whether it is base or large."""


@dataclass(frozen=True)
class Published:
    """A published series: one value per query language, and the mean as it is printed."""

    source: str
    model: str
    strategy: str
    benchmark: str
    setting: str
    metric: str
    by_language: Mapping[str, float]
    printed_mean: float | None

    @property
    def mean(self) -> float | None:
        """The macro mean over query languages, or the printed one where no language is printed."""
        if not self.by_language:
            return self.printed_mean
        return math.fsum(self.by_language.values()) / len(self.by_language)

    def name_of(self, measure: MeasureRecord) -> str:
        """The name of the same number in our records, which hold bias apart from the setting that shows it."""
        setting = "bias" if measure.is_bias else self.setting
        return str(MetricName(self.benchmark, next(one for one in METRIC_SETTINGS if one == setting), measure.name))


@cache
def published_results() -> tuple[Published, ...]:
    """Every published series, in the order of the sources."""
    series: dict[tuple[str, str, str, str, str, str], dict[str, float]] = {}
    with files("analysis.facts").joinpath("published_results.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            key = (row["source"], row["model"], row["strategy"], row["benchmark"], row["setting"], row["metric"])
            series.setdefault(key, {})[row["query_language"]] = float(row["value"])
    return tuple(
        Published(*key, {k: v for k, v in values.items() if k != "mean"}, values.get("mean"))
        for key, values in series.items()
    )


def model_name(model: str) -> str | None:
    """The published model that a model of ours stands for, if any."""
    plain = model.lower().replace("_", "-").rsplit("/", 1)[-1]
    return next((name for name, kind in _SAME.items() if kind.fullmatch(plain)), None)
