"""CLIP with both halves: its own encoder of texts beside its own encoder of images."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from typing_extensions import override

from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.image_config import ImageConfig
from trainables.errors import UserError
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder

_LONGEST = 77
"""Tokens that a CLIP numbers whose config.json leaves that out."""
_WRONG_END = 2
"""What the first checkpoints give as the id of the end of a text, which it is not."""


class ClipEncoder(CheckpointEncoder):
    """A pretrained CLIP."""

    recipe: ClassVar[Recipe] = Recipe(
        values={"steps": 2000, "batches.size": 100, "loss.symmetric": True},
        searched={"optimiser.learning_rate": Real(1e-6, 1e-4, log=True)},
        first={"optimiser.learning_rate": 1e-5},
    )
    model_types: ClassVar[frozenset[str] | None] = frozenset(("clip", "clip_text_model"))
    kind: Literal["clip"] = "clip"

    @property
    @override
    def image_side(self) -> ImageConfig:
        return self.image.or_else(self.source, self.revision)

    @property
    @override
    def keeps_adapters(self) -> bool:
        # The model that they would name is the whole, of which sentence-transformers opens another part.
        return False

    @classmethod
    @override
    def text_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"max_position_embeddings": _LONGEST, **settings.get("text_config", settings)}

    @override
    def settings_of_texts(self, settings: Any) -> Any:
        from trainables.encoders.image_tower import half_of

        return half_of(settings, "text_config")

    @classmethod
    @override
    def of_settings(cls, settings: Mapping[str, Any], *, is_bare: bool) -> dict[str, Any]:
        # It was trained with the end token of a bare text.
        return {"pooling": "lasttoken", "query_prefix": "", "passage_prefix": ""} if is_bare else {}

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        encoder = super().build(tokenizer, seed)
        end = encoder.transformer.config.eos_token_id
        # Then transformers takes the largest id of a text for its end.
        expected = len(tokenizer) - 1 if end == _WRONG_END else end
        if tokenizer.eos_token_id != expected:
            raise UserError(
                f"The CLIP {self.name!r} finds the end of a text by the token {expected}, and its tokenizer ends texts "
                f"by {tokenizer.eos_token_id}: give the tokenizer that belongs to it."
            )
        return encoder

    @override
    def model_class(self, settings: Any) -> Any:
        from transformers import CLIPTextModel, CLIPTextModelWithProjection

        # What was kept has its projection among its layers.
        return CLIPTextModel if self.layers else CLIPTextModelWithProjection

    @override
    def unwrapped(self, transformer: Any) -> "tuple[Any, list[nn.Module]]":
        from trainables.encoders.layers import Dense

        if self.layers:
            return transformer, []
        return transformer.text_model, [Dense(transformer.text_projection, "Identity")]
