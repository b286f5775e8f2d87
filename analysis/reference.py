"""Published results beside ours: the numbers of arXiv 2408.10536 (tables 3 to 13) and of the LAReQA README."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from analysis.findings import Findings, estimate
from analysis.render.table import Cell, Column, Table, make_table

STRATEGIES = ("X-X-mono", "X-Y", "hybrid")
SINGLE_RUN = "Single run: no interval."

_METRICS = {"mAP": "map"}
ARMS = {"X-X-mono": "X-X-mono", "X-Y": "X-Y", "hybrid": "hybrid 0.5"}


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

    @property
    def metric_name(self) -> str:
        """The name of the same number in our records."""
        if self.metric == "rank_distance":
            return f"{self.benchmark}/bias/rank_distance"
        return f"{self.benchmark}/{self.setting}/{self.metric}"


@cache
def published_results() -> tuple[Published, ...]:
    """Every published series, in the order of the sources."""
    series: dict[tuple[str, str, str, str, str, str], dict[str, float]] = {}
    with files("analysis").joinpath("published_results.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            metric = _METRICS.get(row["metric"], row["metric"])
            key = (row["source"], row["model"], row["strategy"], row["benchmark"], row["setting"], metric)
            series.setdefault(key, {})[row["query_language"]] = float(row["value"])
    return tuple(
        Published(*key, {k: v for k, v in values.items() if k != "mean"}, values.get("mean"))
        for key, values in series.items()
    )


def model_name(model: str) -> str | None:
    """The published model that a model of ours stands for, if any."""
    plain = model.lower().replace("_", "-").rsplit("/", 1)[-1]
    if plain.startswith(("xlm-r", "xlmr")):
        return "xlm-r"
    return "labse" if plain.startswith("labse") else None


def beside_ours(findings: Findings) -> Table:
    """Published results beside ours, with the difference, where benchmark, model, strategy and metric agree."""
    columns = [
        Column("arm", "Arm"),
        Column("metric", "Metric"),
        Column("published", "Published", "number"),
        Column("ours", "Ours", "number"),
        Column("difference", "Ours \N{MINUS SIGN} published", "difference"),
        Column("source", "Source"),
    ]
    rows = []
    for series in published_results():
        for arm in findings.arms:
            if model_name(arm.model) != series.model or arm.name not in (series.strategy, ARMS.get(series.strategy)):
                continue
            ours = estimate(arm.values(series.metric_name).values())
            if ours is None or series.mean is None:
                continue
            low = None if ours.low is None else ours.low - series.mean
            high = None if ours.high is None else ours.high - series.mean
            rows.append(
                [
                    arm.label,
                    series.metric_name,
                    series.mean,
                    Cell(ours.mean, ours.low, ours.high),
                    Cell(ours.mean - series.mean, low, high),
                    series.source,
                ]
            )
    notes = [
        "Published numbers are single runs and have no interval of their own: the brackets hold the spread of our "
        "seeds only. The paper does not say whether its XLM-R is base or large."
    ]
    return make_table("published", "Published results beside ours", columns, rows, notes)
