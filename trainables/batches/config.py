"""The options of the batches: how many pairs they hold, of which items, and how their kind, set and language are
drawn.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainables.options import Option


class BatchConfig(BaseModel):
    """What a batch is made of (trainables.batches.planner)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    size: Annotated[int, Field(ge=2, le=10**6), Option(flag="batch-size")]
    """pairs in a batch over all workers: a query has one negative less"""
    items: Annotated[
        Literal["common", "all"],
        Option(
            phrases={
                "common": "batches of both kinds drawn from one order of the items that can serve both",
                "all": "batches of each kind drawn from all items that can serve it",
            }
        ),
    ] = "common"
    """common: only items that can serve both kinds, the same ones in the same order whatever the ratio; all: every item
    that can serve the kind of the batch, so that the ratio also decides which items are seen"""
    draw: Annotated[
        Literal["exact", "bernoulli"],
        Option(
            flag="draw",
            phrases={
                "exact": "monolingual and cross-lingual batches alternated by error diffusion, so that any run of "
                "batches has the share that the schedule asks for",
                "bernoulli": "the kind of each batch drawn independently with the probability that the schedule asks "
                "for",
            },
        ),
    ] = "exact"
    """how the ratio becomes a kind of batch: by error diffusion, so that any run of n batches holds the rounded sum of
    their ratios of monolingual ones, or by independent draws (arXiv 2408.10536)"""
    mixing: Literal["alternate", "loss"] = "alternate"
    """alternate: every batch is of one kind; loss: every batch is split by the ratio into a monolingual and a
    cross-lingual part, whose pairs have the same passages to choose among"""
    language_temperature: Annotated[float, Field(gt=0)] | None = None
    """draw the language of monolingual batches in proportion to n^(1/temperature) of its n items; none: uniformly"""
    last_language_temperature: Annotated[float, Field(gt=0)] | None = None
    """temperature at the end of the training, to which 1/temperature goes in a straight line; none: it stays"""
    set_share: Literal["items", "pairs"] = "items"
    """share of the batches that a training set has: in proportion to its items, or to its pairs of a question language
    and a passage language; the same for both kinds"""
    set_weights: Mapping[str, Annotated[float, Field(gt=0)]] | None = None
    """shares of the training sets by name; none: by `set_share`"""
    hard_negatives: Annotated[int, Field(ge=0, le=100)] = 1
    """explicit negatives that a query brings into its batch, in the language of its passage, where its item has any; 0:
    none"""

    @model_validator(mode="after")
    def _parts_are_of_common_items(self) -> Self:
        if self.items == "all":
            if self.mixing == "loss":
                raise ValueError(
                    "items is 'all', but loss mixing splits a batch by kind, whose items must serve both: set "
                    "batches.items to 'common', or leave loss mixing out."
                )
            if self.set_share == "pairs":
                raise ValueError("set_share is 'pairs', which needs batches.items 'common': leave one of them out.")
        return self
