"""The embedded ladder of small encoders: XLM-R's shape, trained from scratch with a tokenizer of the training text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainables.encoders.base import EncoderConfig, LongestPassage, LongestQuery, Preset, Shape
from trainables.options import Option
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, XLMRobertaConfig

    from trainables.encoders.model import Encoder

FEED_FORWARD = 2
"""Width of the feed-forward layer over the width of the encoder. XLM-R has 4; from scratch, with a few hundred steps on
a CPU, 2 scored the same in three quarters of the time."""


_MOST_WEIGHTS = 2_000_000_000


class MiniEncoder(EncoderConfig):
    """A transformer from scratch: needs no download and trains in seconds on a CPU."""

    recipe: ClassVar[Recipe] = Recipe(
        # Chosen so that the strategies separate on the atlas within seconds, and the best constant ratio is none of
        # them (docs/design.md).
        values={"steps": 310, "batches.size": 48, "loss.temperature": 0.02},
        searched={"optimiser.learning_rate": Real(1e-3, 1e-2, log=True)},
        first={"optimiser.learning_rate": 4e-3},
    )
    is_pretrained: ClassVar[bool] = False

    kind: Literal["mini"] = "mini"
    pooling: Annotated[Literal["mean", "cls"], Option(phrase="{} pooling")] = "mean"
    """mean over the tokens; cls: the first token"""
    # Without pretraining a prefix taps no knowledge, and it would double the length of a short text.
    query_prefix: str = ""
    """text before every query"""
    passage_prefix: str = ""
    """text before every passage"""
    max_query_length: LongestQuery = 64
    """longest query in tokens, special tokens included"""
    max_passage_length: LongestPassage = 128
    """longest passage in tokens, special tokens included"""
    layers: int = Field(ge=1, le=1_000)
    """transformer layers"""
    width: int = Field(ge=8, le=100_000)
    """components of a vector"""
    heads: int = Field(ge=1, le=1_000)
    """attention heads"""
    # One vocabulary for the whole ladder: a size comparison varies the transformer, not the tokens.
    vocabulary: int = Field(8000, ge=1000, le=1_000_000)
    """largest number of pieces of the tokenizer"""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        weights = (4 + 2 * FEED_FORWARD) * self.layers * self.width**2 + self.vocabulary * self.width
        if weights > _MOST_WEIGHTS:
            raise ValueError(f"layers, width and vocabulary make {weights:,} weights, more than {_MOST_WEIGHTS:,}")
        return self

    @property
    @override
    def token_key(self) -> str:
        return self.model_dump_json(exclude={"name", "pooling", "layers", "width", "heads"})

    @override
    def tokenizer(self, texts: Sequence[str]) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import train_tokenizer

        return train_tokenizer(texts, self.vocabulary)

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        import torch
        from transformers import XLMRobertaModel

        from trainables.encoders.model import encoder_of

        settings = self._settings(len(tokenizer), tokenizer.pad_token_id)
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which would also seed the accelerators.
            torch.default_generator.manual_seed(seed)
            return encoder_of(XLMRobertaModel(settings, add_pooling_layer=False), self, tokenizer)

    @override
    def shape(self, vocabulary: int) -> Shape:
        import torch
        from transformers import XLMRobertaModel

        from trainables.encoders.footprint import kept_bytes_per_token

        with torch.device("meta"):
            transformer = XLMRobertaModel(self._settings(vocabulary, 1), add_pooling_layer=False).train()
        embeddings = vocabulary * self.width
        layers = self.layers * (4 + 2 * FEED_FORWARD) * self.width * self.width
        kept = kept_bytes_per_token(transformer, self.width)
        return Shape(self.layers, self.width, embeddings + layers, embeddings, kept)

    def _settings(self, vocabulary: int, padding: int) -> "XLMRobertaConfig":
        from transformers import XLMRobertaConfig

        return XLMRobertaConfig(
            vocab_size=vocabulary,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=FEED_FORWARD * self.width,
            # XLM-R numbers positions from the padding id + 1.
            max_position_embeddings=max(self.max_query_length, self.max_passage_length) + padding + 1,
            type_vocab_size=1,
            pad_token_id=padding,
            # A few hundred steps on a small model underfit rather than overfit.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )


def _of_size(size: str, layers: int, width: int, heads: int) -> MiniEncoder:
    return MiniEncoder(name=f"mini-{size}", layers=layers, width=width, heads=heads)


PRESETS = tuple(
    Preset(encoder, f"XLM-R shape from scratch, {encoder.layers} x {encoder.width}; needs no download")
    for encoder in (
        _of_size("xs", layers=1, width=64, heads=2),
        _of_size("s", layers=2, width=128, heads=2),
        _of_size("m", layers=3, width=192, heads=3),
        _of_size("l", layers=4, width=256, heads=4),
        _of_size("xl", layers=6, width=384, heads=6),
    )
)
