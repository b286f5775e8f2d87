"""Tables of token vectors: a text has the mean of the vectors of its tokens (StaticEmbedding, model2vec).

Nothing is computed but that mean, so that a text costs next to nothing, and the table is all there is to train.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator
from typing_extensions import override

from trainables.encoders.base import LONGEST, LongestPassage, LongestQuery
from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.folder import tokenizer_folder
from trainables.encoders.module_list import is_static, transformer_folder
from trainables.encoders.modules import TOKENIZER_FILE
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


class StaticEncoder(CheckpointEncoder):
    """A pretrained table of token vectors."""

    recipe: ClassVar[Recipe] = Recipe(
        values={"steps": 2000, "batches.size": 100},
        # Every step moves a vector by about its rate, and without layers nothing multiplies that.
        searched={"optimiser.learning_rate": Real(1e-3, 0.2, log=True)},
        first={"optimiser.learning_rate": 1e-2},
    )

    kind: Literal["static_embedding"] = "static_embedding"
    pooling: Literal["mean"] = "mean"
    """the mean over the tokens"""
    max_query_length: LongestQuery = LONGEST
    """longest query in tokens, prefix included"""
    max_passage_length: LongestPassage = LONGEST
    """longest passage in tokens, prefix included"""

    @model_validator(mode="after")
    def _has_nothing_but_a_table(self) -> Self:
        what = f"{self.name} is a table of token vectors"
        if self.lora.rank:
            raise ValueError(
                f"lora.rank is {self.lora.rank}, but {what}, without linear layers that adapters could be added to: "
                "leave encoder.lora.rank out."
            )
        if not self.pool_prompt:
            raise ValueError(
                f"pool_prompt is false, but {what}, in which a prefix is nothing but what is pooled of it: set "
                "encoder.query_prefix and encoder.passage_prefix to nothing."
            )
        if self.trust_remote_code:
            raise ValueError(f"trust_remote_code is true, but {what}, which brings no code: set it to false.")
        return self

    @property
    @override
    def has_layers(self) -> bool:
        return False

    @classmethod
    @override
    def settings_in(cls, folder: Path, route: str = "") -> Mapping[str, Any] | None:
        return {"model_type": cls.model_fields["kind"].default} if is_static(folder, route) else None

    @override
    def tokenizer(self, texts: Sequence[str] = ()) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import load_plain_tokenizer

        file = tokenizer_folder(self.folder(), self.route) / TOKENIZER_FILE
        return load_plain_tokenizer(file, self.source, lower_case=self.lower_case)

    @override
    def loaded_transformer(
        self, folder: Path, tokenizer: "PreTrainedTokenizerBase", seed: int
    ) -> "tuple[Any, list[nn.Module]]":
        from trainables.encoders.token_vectors import load_token_vectors

        return load_token_vectors(transformer_folder(folder, self.route), self.source, tokenizer), []

    @override
    def empty_transformer(self) -> "tuple[Any, list[nn.Module]]":
        from trainables.encoders.token_vectors import empty_token_vectors

        return empty_token_vectors(transformer_folder(self.folder(weights=True), self.route)), []
