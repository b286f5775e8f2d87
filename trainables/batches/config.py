"""The options of the batches: how many pairs they hold and how their kind, set and language are drawn."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainables.options import Option


class BatchConfig(BaseModel):
    """What a batch is made of (trainables.batches.planner)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    size: Annotated[int, Field(ge=2, le=10**6), Option(flag="batch-size")]
    """pairs in a batch over all workers: a query has one negative less"""
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
    """alternate: one batch of one kind per step; loss: both kinds in every step, their losses weighted by the ratio"""
    language_temperature: Annotated[float, Field(gt=0)] | None = None
    """draw the language of monolingual batches in proportion to n^(1/temperature) of its n items; none: uniformly"""
    set_weights: Mapping[str, Annotated[float, Field(gt=0)]] | None = None
    """shares of the training sets by name; none: in proportion to their items"""
