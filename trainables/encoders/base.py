"""What every kind of encoder has: a name, a pooling, prefixes and lengths, a recipe, and how it is built.

Nothing here loads torch; the methods of a kind import what they need when they are called, so that command lines and
reports can read a configuration at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trainables.options import Option
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder
    from trainables.encoders.pixels import ImageReader

PoolingMode = Literal["mean", "cls", "max", "weightedmean", "mean_sqrt_len", "lasttoken", "pooler"]
"""How the vectors of a text's tokens become one."""


def pooling_modes(pooling: str) -> tuple[str, ...]:
    """The modes of a pooling: `"cls+mean"` has two, whose vectors are put one behind the other."""
    return tuple(pooling.split("+"))


def _known_modes(pooling: str) -> str:
    modes, known = pooling_modes(pooling), get_args(PoolingMode)
    unknown = next((mode for mode in modes if mode not in known), None)
    if unknown is not None or len(set(modes)) < len(modes):
        wrong = f"{unknown!r} is none" if unknown is not None else f"{pooling!r} names one twice"
        raise ValueError(f"{wrong} of {', '.join(known)}; several are joined by a plus, as in cls+mean")
    if len(modes) > 1 and "pooler" in modes:
        raise ValueError(f"{pooling!r} joins the pooler with others: give it alone")
    return pooling


Pooling = Annotated[str, AfterValidator(_known_modes)]

SHORTEST, LONGEST = 8, 1_000_000
"""What the longest query or passage may be, in tokens."""

LongestQuery = Annotated[
    int,
    Field(ge=SHORTEST, le=LONGEST),
    Option(phrase="queries of up to {} tokens", phrases={str(LONGEST): "whole queries"}),
]
LongestPassage = Annotated[
    int,
    Field(ge=SHORTEST, le=LONGEST),
    Option(phrase="passages of up to {} tokens", phrases={str(LONGEST): "whole passages"}),
]


@dataclass(frozen=True)
class Shape:
    """The size of an encoder before it is built: what cost and memory are estimated from."""

    layers: int
    width: int
    parameters: int
    """All, those of adapters included."""
    embeddings: int
    """Parameters of the table of token embeddings, which are read and not multiplied."""
    trained: int
    """Parameters that training moves: all, or those of the adapters."""
    largest: int
    """Parameters of the largest tensor that training moves."""


class EncoderConfig(BaseModel):
    """Everything that turns a text into a vector, apart from the weights. A kind of encoder is a subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    recipe: ClassVar[Recipe]
    is_pretrained: ClassVar[bool]
    """Whether the encoder retrieves before it is trained, so that its untrained self is worth a comparison."""

    kind: str
    """kind of encoder"""
    name: str
    """what tables and records call the encoder"""
    pooling: Annotated[Pooling, Option(phrase="{} pooling")] = "mean"
    """mean, max, weightedmean (later tokens count more) or mean_sqrt_len over the tokens; cls: the first token;
    lasttoken: the last one; pooler: the first one through the checkpoint's pooler; several, one behind the other:
    cls+mean"""
    query_prefix: str = "Query: "
    """text before every query"""
    passage_prefix: str = "Passage: "
    """text before every passage"""
    max_query_length: LongestQuery = 256
    """longest query in tokens, prefix and special tokens included"""
    max_passage_length: LongestPassage = 256
    """longest passage in tokens, prefix and special tokens included"""
    dimensions: Annotated[
        int | None, Field(ge=1, le=1_000_000), Option(phrase="the first {} components", phrases={"null": ""})
    ] = None
    """components of a vector that are kept, its first ones; none: all"""

    @property
    def without_effect(self) -> Mapping[str, str]:
        """The options that change nothing here, by dotted key, each with the option that would give them something."""
        return {}

    @property
    def pools_prompt(self) -> bool:
        """Whether the tokens of a prefix are pooled like those of the text; they are read in any case."""
        return True

    @property
    def has_modules(self) -> bool:
        """Whether its texts are encoded by what the modules of sentence-transformers can say."""
        return True

    @property
    def has_layers(self) -> bool:
        """Whether it has layers that could be sharded, compiled or computed again."""
        return True

    @property
    def has_routes(self) -> bool:
        """Whether queries and passages go through different layers."""
        return False

    @property
    def keeps_adapters(self) -> bool:
        """Whether adapters that were trained can be kept without the model they belong to; else they are merged."""
        return True

    @property
    def reads_images(self) -> bool:
        """Whether it turns images into vectors, too."""
        return False

    @property
    def is_kept_whole(self) -> bool:
        """Whether all weights of a trained encoder are kept, and not its adapters alone."""
        return True

    def image_reader(self) -> "ImageReader":
        """How images are read by an encoder of images; raises UserError if that cannot be found out."""
        raise NotImplementedError

    @property
    def token_key(self) -> str:
        """Equal keys mean equal token ids for every text, and equal pixels: encoders with one key share them."""
        raise NotImplementedError

    def tokenizer(self, texts: Sequence[str]) -> "PreTrainedTokenizerBase":
        """Returns the tokenizer; `texts` are the training texts, for kinds that train one. Raises UserError."""
        raise NotImplementedError

    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        """Returns the encoder in float32 on the CPU, in training mode.

        `seed` chooses weights that are drawn at random, and nothing else; the global random state neither matters nor
        changes. Raises UserError if it cannot be built.
        """
        raise NotImplementedError

    def skeleton(self, vocabulary: int) -> "Encoder":
        """Returns the encoder without its numbers, on torch's meta device, in training mode, adapters included.

        Raises UserError if it cannot be built.

        Args:
            vocabulary: tokens that its tokenizer has, for kinds that make a table of that size.
        """
        raise NotImplementedError

    def shape(self, vocabulary: int) -> Shape:
        """Returns the size that the encoder will have with so many tokens in its vocabulary."""
        from trainables.encoders.footprint import shape_of

        return shape_of(self.skeleton(vocabulary))

    def files(self) -> dict[str, str]:
        """The files that the encoder is loaded from, as far as they lie on this machine: sha256 by name."""
        return {}


@dataclass(frozen=True)
class Preset:
    """An encoder that can be asked for by its name."""

    config: EncoderConfig
    description: str
    references: tuple[str, ...] = ()
    """Works to cite: BibTeX entries."""
