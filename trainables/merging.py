"""An arm that is not trained: the mean of the weights of two trainings of its seed."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class MergingConfig(BaseModel):
    """Which encoder a training of 0 steps begins and ends with (trainables.trial, trainables.encoders.averaging)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    cross_weight: Annotated[float, Field(ge=0, le=1)] | None = None
    """with 0 steps: take (1 - cross_weight) times the weights of X-X-mono plus cross_weight times those of X-Y, of the
    same seed; none: the encoder as it comes"""
