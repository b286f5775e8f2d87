"""The embedded ladder of small encoders of images and texts, from scratch."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainables.encoders.base import Preset
from trainables.encoders.image_config import ImagePooling
from trainables.encoders.mini import FEED_FORWARD, SIZES, MiniEncoder
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.image_text import ImageTextEncoder
    from trainables.encoders.image_tower import ImageTower, Reader


class MiniImageEncoder(MiniEncoder):
    """A small XLM-R beside a ViT of the same size, from scratch: trains in seconds on a CPU."""

    recipe: ClassVar[Recipe] = Recipe(
        values={"steps": 310, "batches.size": 48, "loss.temperature": 0.05, "loss.symmetric": True},
        searched={"optimiser.learning_rate": Real(1e-3, 6e-3, log=True)},
        first={"optimiser.learning_rate": 3e-3},
    )

    kind: Literal["mini_image"] = "mini_image"  # type: ignore[assignment]
    image_size: int = Field(64, ge=8, le=4_096)
    """pixels of an image, each way, after it has been scaled"""
    patch: int = Field(8, ge=1, le=4_096)
    """pixels of a patch, each way: what a ViT reads as one token"""

    # Of small things on much ground a first token, or a mean, shows little for hundreds of steps (docs/image_text.md).
    image_pooling: ImagePooling = "max"
    """the first token, or the mean or the largest values of the patches"""

    @model_validator(mode="after")
    def _patches_fill_an_image(self) -> Self:
        if self.image_size % self.patch:
            raise ValueError(f"image_size {self.image_size} must be a multiple of patch {self.patch}")
        return self

    @property
    @override
    def reads_images(self) -> bool:
        return True

    @override
    def image_reader(self) -> "Reader":
        from trainables.encoders.image_tower import Reader

        return Reader(self._processor(), self.patch, self.name)

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "ImageTextEncoder":
        import torch

        from trainables.encoders.image_text import ImageTextEncoder

        text = super().build(tokenizer, seed)
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which would also seed the accelerators.
            torch.default_generator.manual_seed(seed)
            return ImageTextEncoder(text.transformer, self, self._tower(text.dimension)).train()

    @override
    def skeleton(self, vocabulary: int) -> "ImageTextEncoder":
        import torch

        from trainables.encoders.image_text import ImageTextEncoder

        with torch.device("meta"):
            return ImageTextEncoder(self.transformer(vocabulary, 1), self, self._tower(self.width)).train()

    def _tower(self, width: int) -> "ImageTower":
        from torch import nn
        from transformers import ViTConfig, ViTModel

        from trainables.encoders.image_tower import ImageTower
        from trainables.encoders.layers import Dense

        settings = ViTConfig(
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=FEED_FORWARD * self.width,
            image_size=self.image_size,
            patch_size=self.patch,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        layer = Dense(nn.Linear(self.width, width, bias=False), "Identity")
        return ImageTower(ViTModel(settings, add_pooling_layer=False), layer, self._processor(), self.image_pooling)

    def _processor(self) -> Any:
        from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

        return ViTImageProcessorPil(size={"height": self.image_size, "width": self.image_size})


PRESETS = tuple(
    Preset(
        MiniImageEncoder(name=f"mini-image-{size}", layers=layers, width=width, heads=heads),
        f"XLM-R shape beside a ViT from scratch, both {layers} x {width}; reads images; needs no download",
    )
    for size, layers, width, heads in SIZES
)
