"""How an encoder is trained where the user does not say."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from trainables.parameters import Parameter


class Recipe(BaseModel):
    """Defaults of a kind of encoder, by dotted option of the trial."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    values: Mapping[str, Any]
    """Options with a value of their own, such as steps and batch size."""
    searched: Mapping[str, Parameter]
    """Options that every branch searches for itself."""
    first: Mapping[str, Any]
    """What is tried first of those that are searched."""
