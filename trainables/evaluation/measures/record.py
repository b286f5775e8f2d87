"""What a study records about its measures, so that a report can name and order them without the code of a plugin."""

from collections.abc import Mapping
from math import inf
from typing import Literal

from pydantic import BaseModel, ConfigDict

from trainables.evaluation.metric_name import MetricSetting

Direction = Literal["maximize", "minimize", "neither"]
"""Which values are better; neither: it describes a ranking, or it has no single value that could be better."""

Unit = Literal["score", "ranks", "log ratio", "difference", "share", "count"]
"""What a value is: a score in [0, 1], a number of ranks, the logarithm of a ratio of ranks, a difference of scores, a
share in [0, 1], or a count."""


BOUNDS: Mapping[Unit, tuple[float, float]] = {
    "score": (0.0, 1.0),
    "share": (0.0, 1.0),
    "difference": (-1.0, 1.0),
    "ranks": (0.0, inf),
    "count": (0.0, inf),
    "log ratio": (-inf, inf),
}
"""The least and the largest value of a unit."""


class MeasureRecord(BaseModel):
    """A measure at its cut-off."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """as in names of metrics: `ndcg@10`"""
    label: str
    """as papers write it: `nDCG@10`"""
    description: str
    """what it is, in a line"""
    direction: Direction
    """which values are better"""
    unit: Unit
    """what a value is"""
    settings: tuple[MetricSetting, ...]
    """where a metric of this measure may exist"""
    per_query: bool
    """whether per_query.parquet has a column of this name"""
    references: tuple[str, ...] = ()
    """works to cite, as BibTeX entries"""

    @property
    def lower_is_better(self) -> bool:
        """Whether smaller values are better."""
        return self.direction == "minimize"

    @property
    def is_bias(self) -> bool:
        """Whether it is one of language bias, and not of quality."""
        return "bias" in self.settings
