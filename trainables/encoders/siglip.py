"""SigLIP with both halves: its own encoder of texts beside its own encoder of images."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from typing_extensions import override

from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.clip import ClipEncoder
from trainables.encoders.image_config import ImageConfig
from trainables.errors import UserError
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder

_LONGEST = 64
"""Tokens that a SigLIP numbers whose config.json leaves that out."""


class SiglipEncoder(CheckpointEncoder):
    """A pretrained SigLIP."""

    recipe: ClassVar[Recipe] = ClipEncoder.recipe
    model_types: ClassVar[frozenset[str] | None] = frozenset(("siglip", "siglip_text_model"))
    kind: Literal["siglip"] = "siglip"

    @property
    @override
    def image_side(self) -> ImageConfig:
        return self.image.or_else(self.source, self.revision)

    @property
    @override
    def has_modules(self) -> bool:
        return False

    @classmethod
    @override
    def text_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"max_position_embeddings": _LONGEST, **settings.get("text_config", settings)}

    @override
    def settings_of_texts(self, settings: Any) -> Any:
        return getattr(settings, "text_config", settings)

    @classmethod
    @override
    def of_settings(cls, settings: Mapping[str, Any], *, is_bare: bool) -> dict[str, Any]:
        return {"pooling": "lasttoken", "query_prefix": "", "passage_prefix": ""}

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        if self.lora.rank or self.pooling != "lasttoken":
            raise UserError(
                f"The SigLIP {self.name!r} pools texts in a way of its own, and gets no adapters here: leave out "
                "encoder.pooling and encoder.lora.rank."
            )
        encoder = super().build(tokenizer, seed)
        encoder.transformer.padding = tokenizer.pad_token_id
        return encoder

    @override
    def model_class(self, settings: Any) -> Any:
        from transformers import SiglipTextModel

        if settings.projection_size != settings.hidden_size:
            raise UserError(
                f"The SigLIP {self.name!r} has texts of {settings.projection_size} components from tokens of "
                f"{settings.hidden_size}, which is not known here: give another one."
            )
        return SiglipTextModel

    @override
    def unwrapped(self, transformer: Any) -> "tuple[Any, list[nn.Module]]":
        from trainables.encoders.whole_width import WholeWidth

        return WholeWidth(transformer), []
