"""The embedded ladder of small encoders: XLM-R's shape, trained from scratch with a tokenizer of the training text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from trainables.encoders.base import EncoderConfig, LongestPassage, LongestQuery, Pooling, Preset
from trainables.options import Option
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, XLMRobertaConfig

    from trainables.encoders.model import Encoder

FEED_FORWARD = 2
"""Width of the feed-forward layer over the width of the encoder. XLM-R has 4; from scratch, with a few hundred steps on
a CPU, 2 scored the same in three quarters of the time."""


def _without_pooler(pooling: str) -> str:
    if pooling == "pooler":
        raise ValueError("an encoder from scratch has no pooler: choose mean, cls or another pooling")
    return pooling


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
    pooling: Annotated[Pooling, AfterValidator(_without_pooler), Option(phrase="{} pooling")] = "mean"
    """mean, max, weightedmean (later tokens count more) or mean_sqrt_len over the tokens; cls: the first token;
    lasttoken: the last one; several, one behind the other: cls+mean"""
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
        return self.model_dump_json(exclude={"kind", "name", "pooling", "dimensions", "layers", "width", "heads"})

    @override
    def tokenizer(self, texts: Sequence[str]) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import train_tokenizer

        return train_tokenizer(texts, self.vocabulary)

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        import torch

        from trainables.encoders.model import encoder_of

        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which would also seed the accelerators.
            torch.default_generator.manual_seed(seed)
            return encoder_of(self.transformer(len(tokenizer), tokenizer.pad_token_id), self, tokenizer)

    @override
    def skeleton(self, vocabulary: int) -> "Encoder":
        import torch

        from trainables.encoders.model import Encoder

        with torch.device("meta"):
            return Encoder(self.transformer(vocabulary, 1), self).train()

    def transformer(self, vocabulary: int, padding: int) -> Any:
        """Returns the transformer with weights drawn from torch's generator, given the size and the padding id."""
        from transformers import XLMRobertaModel

        return XLMRobertaModel(self._settings(vocabulary, padding), add_pooling_layer=False)

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


SIZES = (("xs", 1, 64, 2), ("s", 2, 128, 2), ("m", 3, 192, 3), ("l", 4, 256, 4), ("xl", 6, 384, 6))
"""Of every embedded ladder: name, layers, width, heads."""

PRESETS = tuple(
    Preset(
        MiniEncoder(name=f"mini-{size}", layers=layers, width=width, heads=heads),
        f"XLM-R shape from scratch, {layers} x {width}; needs no download",
    )
    for size, layers, width, heads in SIZES
)
