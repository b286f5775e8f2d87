"""Which encoder: presets by name, a local folder, or a hub id; nothing here loads torch."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainables.encoders.folder import SETTINGS_FILE, SHORTEST, read_folder
from trainables.errors import UserError, unknown_name

Pooling = Literal["mean", "cls", "pooler"]
MINI = "mini"
FEED_FORWARD = 2
"""Width of a mini encoder's feed-forward layer over its width. XLM-R has 4; from scratch, with a few hundred steps on a
CPU, 2 scored the same in three quarters of the time."""

_Length = Annotated[int, Field(ge=SHORTEST)]
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class EncoderConfig(BaseModel):
    """Everything that turns a text into a vector, apart from the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What tables and records call the encoder."""
    source: str
    """A hub id, a local folder, or `mini` for a transformer trained from scratch."""
    pooling: Pooling = "mean"
    """`mean` over the tokens, `cls`: the first token, `pooler`: the first token through the checkpoint's pooler."""
    query_prefix: str = "Query: "
    passage_prefix: str = "Passage: "
    max_query_length: _Length = 256
    """In tokens, prefix and special tokens included."""
    max_passage_length: _Length = 256
    revision: str | None = None
    """Commit, tag or branch of a hub repository."""
    trust_remote_code: bool = False
    layers: int | None = Field(default=None, ge=1)
    width: int | None = Field(default=None, ge=8)
    heads: int | None = Field(default=None, ge=1)
    vocabulary: int | None = Field(default=None, ge=1000)
    """`layers`, `width`, `heads` and the largest number of `vocabulary` pieces belong to `mini` and only to it."""
    description: str = ""

    @property
    def is_mini(self) -> bool:
        """True for a transformer that is trained from scratch, with a tokenizer trained on the training text."""
        return self.source == MINI

    @model_validator(mode="after")
    def _shape_belongs_to_mini(self) -> Self:
        shape = (self.layers, self.width, self.heads, self.vocabulary)
        if self.is_mini and None in shape:
            raise ValueError("a mini encoder needs layers, width, heads and vocabulary")
        if not self.is_mini and shape != (None, None, None, None):
            raise ValueError("layers, width, heads and vocabulary are for source 'mini' only")
        if self.width is not None and self.heads is not None and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.is_mini and self.pooling == "pooler":
            raise ValueError("a mini encoder has no pooler: pooling must be mean or cls")
        return self


def _mini(size: str, layers: int, width: int, heads: int) -> EncoderConfig:
    return EncoderConfig(
        name=f"mini-{size}",
        source=MINI,
        # Without pretraining a prefix taps no knowledge, and it would double the length of a short text.
        query_prefix="",
        passage_prefix="",
        max_query_length=64,
        max_passage_length=128,
        layers=layers,
        width=width,
        heads=heads,
        # One vocabulary for the whole ladder: a size comparison varies the transformer, not the tokens.
        vocabulary=8000,
        description=f"XLM-R shape from scratch, {layers} x {width}; needs no download",
    )


_ALL = (
    _mini("xs", layers=1, width=64, heads=2),
    _mini("s", layers=2, width=128, heads=2),
    _mini("m", layers=3, width=192, heads=3),
    _mini("l", layers=4, width=256, heads=4),
    _mini("xl", layers=6, width=384, heads=6),
    EncoderConfig(
        name="xlm-r-base",
        source="FacebookAI/xlm-roberta-base",
        description="XLM-R base, 278M parameters, 100 languages, masked-language pretraining only",
    ),
    EncoderConfig(
        name="xlm-r-large",
        source="FacebookAI/xlm-roberta-large",
        description="XLM-R large, 560M parameters, 100 languages, masked-language pretraining only",
    ),
    EncoderConfig(
        name="labse",
        source="sentence-transformers/LaBSE",
        pooling="pooler",
        description="LaBSE, 471M parameters, 109 languages, pretrained on translation pairs",
    ),
    EncoderConfig(
        name="multilingual-e5-base",
        source="intfloat/multilingual-e5-base",
        query_prefix="query: ",
        passage_prefix="passage: ",
        max_query_length=512,
        max_passage_length=512,
        description="multilingual E5 base, 278M parameters, already trained for retrieval",
    ),
    EncoderConfig(
        name="multilingual-e5-large",
        source="intfloat/multilingual-e5-large",
        query_prefix="query: ",
        passage_prefix="passage: ",
        max_query_length=512,
        max_passage_length=512,
        description="multilingual E5 large, 560M parameters, already trained for retrieval",
    ),
)

PRESETS: Mapping[str, EncoderConfig] = MappingProxyType({config.name: config for config in _ALL})

_PRESET_OF_SOURCE = {config.source: config for config in _ALL if not config.is_mini}


def resolve_encoder(name: str) -> EncoderConfig:
    """Returns the encoder that `name` stands for: a preset, a local folder (checked), or a hub id (not checked here).

    The hub id of a preset is that preset, so that its pooling and prefixes are not lost.
    Raises UserError for a folder that cannot be loaded and for a name that is none of the three.
    """
    if name in PRESETS:
        return PRESETS[name]
    if name in _PRESET_OF_SOURCE:
        return _PRESET_OF_SOURCE[name]
    path = Path(name).expanduser()
    if path.is_dir():
        # Workers start in other folders, so the path must not be relative.
        try:
            return EncoderConfig(name=name, source=str(path.absolute()), **read_folder(path))
        except ValidationError as error:
            first = error.errors()[0]
            file = SETTINGS_FILE if (path / SETTINGS_FILE).is_file() else "config.json"
            raise UserError(
                f"{path / file} gives {'.'.join(map(str, first['loc']))} as {first['input']!r}: "
                f"{first['msg'][:1].lower()}{first['msg'][1:]}; correct it, or fetch the file again."
            ) from error
    if path.exists():
        raise UserError(f"The encoder {name!r} is a file: give the folder that holds its config.json.")
    if name.startswith(("/", ".", "~")):
        raise UserError(f"There is no encoder folder {name!r}: check the path.")
    if _HUB_ID.fullmatch(name):
        return EncoderConfig(name=name, source=name, description="from the Hugging Face hub")
    raise unknown_name("encoder", name, PRESETS)
