"""An arm that is not trained: the mean of the weights of two trainings of its seed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CROSS_WEIGHT = "merging.cross_weight"
"""The option by its dotted key."""

SEARCHED: Literal["searched"] = "searched"
"""The weight of an arm that is to be chosen on the dev set; no trial has it."""


class MergingConfig(BaseModel):
    """Which encoder a training of 0 steps begins and ends with (trainables.trial, trainables.encoders.averaging)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    cross_weight: Annotated[float, Field(ge=0, le=1)] | Literal["searched"] | None = None
    """with 0 steps: take (1 - cross_weight) times the weights of X-X-mono plus cross_weight times those of X-Y, of the
    same seed; searched, in an --arm: the weight that is best on the dev set, in the search; none: the encoder as it
    comes"""

    @property
    def weights(self) -> tuple[float, float] | None:
        """By what X-X-mono and X-Y are multiplied; None where nothing is merged.

        Raises ValueError for a weight that is still to be chosen.
        """
        if self.cross_weight == SEARCHED:
            raise ValueError("the weight of a merged arm is chosen by the search, and not before it")
        return None if self.cross_weight is None else (1 - self.cross_weight, self.cross_weight)
