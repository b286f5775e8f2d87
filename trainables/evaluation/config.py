"""The options of an evaluation: what is done to embeddings before they are ranked."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from trainables.options import Option


class EvaluationConfig(BaseModel):
    """How the embeddings of a trained encoder are ranked (trainables.evaluation.centring)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    centred: Annotated[bool, Option(phrases={"true": "each language's mean embedding subtracted before ranking"})] = (
        False
    )
    """subtract from every embedding the mean of its language's candidates, and normalise it again"""
