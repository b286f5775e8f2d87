"""Two encoders in one space, one of queries and one of passages: what a Router of sentence-transformers has.

Their ids tell queries and passages apart (`tokenizer.joined`), so that whatever encodes token ids need not know.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import ValidationError, model_validator
from typing_extensions import override

from trainables.encoders.adapters import ADAPTER_FILE
from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.folder import own_settings
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.module_list import DOCUMENT, QUERY, default_route, is_routed, transformer_folder
from trainables.errors import UserError, one_line, rule_in
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder

_SHARED = ("name", "source", "revision", "query_prefix", "passage_prefix", "dimensions")
_LENGTHS = ("max_query_length", "max_passage_length")
_OF_THE_WHOLE = {*_SHARED, *_LENGTHS, "trust_remote_code", "lora", "image"}
"""Fields of the encoder of a route that are not of the route."""


class RoutedEncoder(CheckpointEncoder):
    """A pretrained encoder of queries beside one of passages."""

    recipe: ClassVar[Recipe] = HuggingFaceEncoder.recipe
    kind: Literal["routed"] = "routed"
    pooling: Literal["declared"] = "declared"
    """as every route declares it"""
    query: Mapping[str, Any]
    """what encodes queries: kind, pooling and layers, as the checkpoint declares them"""
    passage: Mapping[str, Any]
    """what encodes passages"""
    default_route: Literal["query", "document"] | None = "document"
    """how sentence-transformers encodes a text that is neither"""

    @model_validator(mode="after")
    def _routes_are_as_they_are_declared(self) -> Self:
        has = f"{self.name} has two encoders, of queries and of passages"
        if self.lora.rank:
            raise ValueError(
                f"lora.rank is {self.lora.rank}, but {has}, which are trained whole: leave encoder.lora.rank out."
            )
        if self.image.tower:
            raise ValueError(f"image.tower is {self.image.tower!r}, but {has}: leave encoder.image.tower out.")
        for option in ("pool_prompt", "lower_case", "layers"):
            if option in self.model_fields_set and getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"{option} is set, but {has}, each with its own: leave encoder.{option} out.")
        for route in (QUERY, DOCUMENT):
            try:
                self.side(route)
            except ValidationError as error:
                raise ValueError(f"the route {route} has another encoder: {rule_in(error.errors()[0])}") from error
            except UserError as error:
                raise ValueError(one_line(error)) from error
        return self

    @property
    @override
    def has_layers(self) -> bool:
        return any(self.side(route).has_layers for route in (QUERY, DOCUMENT))

    @property
    @override
    def has_routes(self) -> bool:
        return True

    @classmethod
    @override
    def of_folder(cls, folder: Path, fields: Mapping[str, Any], route: str = "") -> Self | None:
        if route or not is_routed(folder):
            return None
        queries, passages = (_on_route(folder, fields, one) for one in (QUERY, DOCUMENT))
        return cls.validated(
            folder,
            {
                "query": queries.model_dump(mode="json", exclude=_OF_THE_WHOLE),
                "passage": passages.model_dump(mode="json", exclude=_OF_THE_WHOLE),
                "query_prefix": queries.query_prefix,
                "passage_prefix": passages.passage_prefix,
                "max_query_length": queries.max_query_length,
                "max_passage_length": passages.max_passage_length,
                "dimensions": queries.dimensions,
                "default_route": default_route(folder),
                **own_settings(folder),
                **fields,
            },
        )

    @override
    def check_files(self, folder: Path) -> None:
        for route in (QUERY, DOCUMENT):
            self.side(route).check_files(folder)

    def side(self, route: str) -> CheckpointEncoder:
        """The encoder of a route, in the folder of the whole."""
        from trainables.encoders.registry import KINDS

        said = self.query if route == QUERY else self.passage
        known = KINDS.get(str(said.get("kind")))
        if known is None or not issubclass(known.config, CheckpointEncoder):
            raise UserError(
                f"The encoder {self.name!r} has no checkpoint of a known kind on its route {route}: load it from its "
                "source."
            )
        kind = known.config
        length = self.max_query_length if route == QUERY else self.max_passage_length
        found = kind.model_validate(
            {
                **said,
                **{field: getattr(self, field) for field in _SHARED},
                **dict.fromkeys(_LENGTHS, length),
                # What has no layers brings no code either.
                "trust_remote_code": self.trust_remote_code and _has_layers(kind),
            }
        )
        return found.on_route(route)

    @override
    def tokenizer(self, texts: Sequence[str] = ()) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import joined

        return joined(self.side(QUERY).tokenizer(), self.side(DOCUMENT).tokenizer())

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        from trainables.encoders.routes import load_routes

        return load_routes(self, tokenizer, seed)

    @override
    def skeleton(self, vocabulary: int) -> "Encoder":
        from trainables.encoders.routes import empty_routes

        return empty_routes(self)


def _has_layers(kind: type[CheckpointEncoder]) -> bool:
    return kind.has_layers is CheckpointEncoder.has_layers


def _on_route(folder: Path, fields: Mapping[str, Any], route: str) -> CheckpointEncoder:
    """The encoder of a route, of the first kind that knows it."""
    from trainables.encoders.registry import KINDS

    place = transformer_folder(folder, route)
    if (place / ADAPTER_FILE).is_file():
        raise UserError(f"{place} holds an adapter, on the route {route} of a Router: merge it into its model first.")
    kinds = [one.config for one in KINDS.values() if issubclass(one.config, CheckpointEncoder)]
    found = next(one for kind in kinds if (one := kind.of_folder(folder, fields, route)) is not None)
    if found.reads_images:
        raise UserError(f"{place} reads images, too, which a route of a Router cannot do here: give another model.")
    return found
