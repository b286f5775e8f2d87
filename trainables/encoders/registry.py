"""The kinds of encoder, the presets by name, and what a name stands for.

>>> resolve_encoder("mini-xs").width
64
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, NoReturn

from pydantic import BeforeValidator, ConfigDict, SerializeAsAny, ValidationError
from typing_extensions import override

from trainables.encoders import clip, decoder, hugging_face, image, mini, routed, siglip, static, t5
from trainables.encoders.base import EncoderConfig, Preset
from trainables.encoders.checkpoint import recognise
from trainables.errors import UserError, rule_in, unknown_name
from trainables.registry import Registry


class UnknownEncoder(EncoderConfig):
    """An encoder of a kind that is not registered: a record of it can be read, but it cannot be built."""

    model_config = ConfigDict(extra="allow")

    @property
    @override
    def token_key(self) -> str:
        return str(self._refuse())

    @override
    def tokenizer(self, texts: Sequence[str]) -> NoReturn:
        self._refuse()

    @override
    def build(self, tokenizer: object, seed: int) -> NoReturn:
        self._refuse()

    @override
    def skeleton(self, vocabulary: int) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UserError(
            f"The encoder {self.name} is of the kind {self.kind!r}, which nothing registers: name the module that does "
            "with --plugin."
        )


class Kind(NamedTuple):
    """A kind of encoder: its configuration, and what turns the name of a folder or a hub id into one, if anything.

    Beside the name stands the revision of a hub id that was asked for, if any.
    """

    config: type[EncoderConfig]
    recognise: Callable[[str, str | None], EncoderConfig | None] = lambda name, revision: None


def _kind_name(kind: Kind) -> str:
    return str(kind.config.model_fields["kind"].default)


KINDS: Registry[Kind] = Registry(
    "kind of encoder",
    _kind_name,
    (
        Kind(mini.MiniEncoder),
        Kind(t5.MiniT5Encoder),
        Kind(decoder.MiniDecoderEncoder),
        Kind(image.MiniImageEncoder),
        # Before those that look for the config.json of a transformer.
        Kind(routed.RoutedEncoder, recognise(routed.RoutedEncoder)),
        Kind(static.StaticEncoder, recognise(static.StaticEncoder)),
        Kind(t5.T5Encoder, recognise(t5.T5Encoder)),
        Kind(decoder.DecoderEncoder, recognise(decoder.DecoderEncoder)),
        Kind(clip.ClipEncoder, recognise(clip.ClipEncoder)),
        Kind(siglip.SiglipEncoder, recognise(siglip.SiglipEncoder)),
        # The last, because it takes what the others do not.
        Kind(hugging_face.HuggingFaceEncoder, recognise(hugging_face.HuggingFaceEncoder)),
    ),
)

PRESETS: Registry[Preset] = Registry(
    "encoder",
    lambda preset: preset.config.name,
    (*mini.PRESETS, *t5.MINI, *decoder.MINI, *image.PRESETS, *hugging_face.PRESETS, *t5.PRESETS, *decoder.PRESETS),
)


EMBEDDED = mini.PRESETS[0].config.name
"""The encoder of a study that names none: needs no download."""


def resolve_encoder(name: str, revision: str | None = None) -> EncoderConfig:
    """Returns the encoder that `name` stands for: a preset, a local folder, or a hub id; both are read.

    Args:
        name: of these.
        revision: commit, tag or branch of the hub repository, at which what it declares is read, too. What a preset
            declares stands: only its files are those of the revision.

    Raises:
        UserError: a folder cannot be loaded or is asked for at a revision, or the name is none of the three.
    """
    if (preset := _preset(name)) is not None:
        return preset if revision is None else _at_revision(preset, revision)
    for kind in KINDS.values():
        if (found := kind.recognise(name, revision)) is not None:
            return found
    raise unknown_name("encoder", name, PRESETS)


def _preset(name: str) -> EncoderConfig | None:
    if name in PRESETS:
        return PRESETS[name].config
    # The hub id of a preset is that preset, so that its pooling and prefixes are not lost.
    named = (preset.config for preset in PRESETS.values() if getattr(preset.config, "source", None) == name)
    return next(named, None)


def _at_revision(preset: EncoderConfig, revision: str) -> EncoderConfig:
    if "revision" not in type(preset).model_fields:
        raise UserError(
            f"encoder.revision is {revision!r}, but the encoder {preset.name} is not of the hub: leave "
            "encoder.revision out."
        )
    return encoder_config({**preset.model_dump(), "revision": revision})


def encoder_config(values: "Mapping[str, Any] | str | EncoderConfig") -> EncoderConfig:
    """Returns the encoder of a name, or of plain values such as those of a record.

    Raises UserError for a name that stands for nothing, ValidationError for values that do not fit their kind.
    """
    if isinstance(values, EncoderConfig):
        return values
    if isinstance(values, str):
        return resolve_encoder(values)
    kind = KINDS.get(str(values.get("kind")))
    return (UnknownEncoder if kind is None else kind.config).model_validate(dict(values))


def _parsed(values: Any) -> EncoderConfig:
    # Inside a larger configuration every refusal is a ValueError, which pydantic puts into its place.
    try:
        return encoder_config(values)
    except UserError as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        rule = rule_in(problem)
        raise ValueError(f"{place}: {rule}" if place else rule) from error


AnyEncoder = Annotated[SerializeAsAny[EncoderConfig], BeforeValidator(_parsed)]
"""The type of a field that holds an encoder of any registered kind."""
