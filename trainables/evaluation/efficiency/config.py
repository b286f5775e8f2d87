"""How efficiency is measured; stated before anything is, and recorded with the study."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Recall = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class EfficiencyConfig(BaseModel):
    """The options of the measure phase."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    neighbours: Count = 10
    """candidates that a search returns"""
    recalls: tuple[Recall, ...] = (0.9, 0.95, 0.99)
    """shares of the exact neighbours that approximate search must find"""
    recall: Recall = 0.95
    """the one of `recalls` at which arms are compared"""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """largest relative difference that counts as none"""
    orders: Annotated[int, Field(ge=3)] = 3
    """random orders in which candidates are inserted, the same for all arms; every one is a round of measurements"""
    queries: Count = 1000
    """most queries that are searched"""
    timed_queries: Count = 400
    """most queries that are timed one by one; the 99th percentile needs 368"""
    links: Annotated[int, Field(ge=2)] = 8
    """HNSW: links of a node (M); in a small pool more of them find nearly all neighbours whatever is set"""
    construction: Count = 100
    """HNSW: candidates of a link while the index is built (efConstruction)"""
    batch_sizes: tuple[Count, ...] = (1, 32)
    """batches in which texts are encoded"""
    lengths: tuple[Count, ...] = (32, 128)
    """lengths in tokens of texts that are encoded; those that an encoder cannot read are left out"""
    repetitions: Count = 3
    """times that everything is timed; the medians count, a query's over its own times"""
    measures: tuple[str, ...] = ("map", "ndcg@10")
    """by which smaller vectors are judged"""
    geometry_sample: Annotated[int, Field(ge=20)] = 2000
    """most candidates among which geometry is measured"""

    @model_validator(mode="after")
    def _recall_is_measured(self) -> Self:
        if self.recall not in self.recalls:
            raise ValueError(f"arms are to be compared at recall {self.recall:g}, which is not measured: name it, too")
        return self
