"""What encoders have in common that come from a checkpoint: a preset, a local folder or a hub id.

A hub id and a folder with the same files are the same encoder: both are read as a folder.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import PrivateAttr, ValidationError
from typing_extensions import override

from trainables.encoders.adapters import LoraConfig, base_of
from trainables.encoders.base import EncoderConfig, Preset
from trainables.encoders.folder import (
    SETTINGS_FILE,
    check_files,
    declaring_folder,
    model_settings,
    read_folder,
    tokenizer_folder,
)
from trainables.encoders.hub_copy import commit_of, local_copy
from trainables.encoders.image_config import FOLDER, ImageConfig
from trainables.encoders.image_config import SETTINGS_FILE as TOWER_FILE
from trainables.encoders.json_files import read_json
from trainables.encoders.module_list import transformer_folder
from trainables.errors import UserError, rule_in
from trainables.home import with_home

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.image_tower import Reader
    from trainables.encoders.model import Encoder

_NOT_LOADED = re.compile(r"/\.|\.(md|h5|msgpack|onnx|ot|png)$|/(LICENSE|NOTICE)|/(onnx|openvino)/")
"""Files of a model's folder that its encoder does not depend on: hidden ones, documents, weights of other libraries."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class CheckpointEncoder(EncoderConfig):
    """An encoder whose weights come from a checkpoint."""

    is_pretrained: ClassVar[bool] = True
    model_types: ClassVar[frozenset[str] | None] = None
    """Values of `model_type` in config.json that are of this kind; None: all that no other kind has."""

    source: str
    """a hub id or an absolute local folder"""
    revision: str | None = None
    """commit, tag or branch of a hub repository"""
    trust_remote_code: bool = False
    """run code that the checkpoint brings"""
    pool_prompt: bool = True
    """the tokens of the prefix are pooled like those of the text, or read only"""
    lower_case: bool = False
    """texts are lower-cased before they are cut into tokens"""
    layers: tuple[str, ...] = ()
    """what follows the pooling: folders of dense layers in the checkpoint, and normalize"""
    lora: LoraConfig = LoraConfig()
    image: ImageConfig = ImageConfig()

    _route: str = PrivateAttr("")

    @property
    def route(self) -> str:
        """The route of a Router in the checkpoint whose texts it encodes; empty where there is no Router.

        Not an option: what has routes is configured as a whole, and makes those of its routes by `on_route`.
        """
        return self._route

    def on_route(self, route: str) -> Self:
        """The same on a route."""
        found = self.model_copy()
        found._route = route
        return found

    @property
    @override
    def without_effect(self) -> Mapping[str, str]:
        off: dict[str, str] = {}
        if not self.lora.rank:
            off |= {f"encoder.lora.{one}": "encoder.lora.rank" for one in LoraConfig.model_fields if one != "rank"}
        if not self.image.tower:
            # What reads images without being named is of the revision of the whole, and pools in a way of its own.
            others = ("revision", "pooling") if self.image_side.tower else ("revision", "pooling", "frozen")
            off |= {f"encoder.image.{one}": "encoder.image.tower" for one in others}
        return off

    @property
    def image_side(self) -> ImageConfig:
        """What reads images, if anything does."""
        return self.image

    @property
    @override
    def reads_images(self) -> bool:
        return bool(self.image_side.tower)

    @override
    def image_reader(self) -> "Reader":
        from trainables.encoders.image_tower import reader_of

        return reader_of(self.image_side)

    @property
    @override
    def pools_prompt(self) -> bool:
        return self.pool_prompt

    @property
    @override
    def is_kept_whole(self) -> bool:
        return not self.lora.rank or not self.keeps_adapters

    @property
    @override
    def token_key(self) -> str:
        left_out = dict.fromkeys(("name", "pooling", "layers", "dimensions", "lora"), True)
        return self.model_dump_json(exclude={**left_out, "image": {"frozen", "pooling"}})

    @override
    def tokenizer(self, texts: Sequence[str] = ()) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import load_tokenizer

        return load_tokenizer(
            tokenizer_folder(self.folder(), self.route),
            self.source,
            trust_remote_code=self.trust_remote_code,
            lower_case=self.lower_case,
            pool_prompt=self.pool_prompt,
        )

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        from trainables.encoders.pretrained import load_encoder

        return load_encoder(self, tokenizer, seed)

    def folder(self, *, weights: bool = False) -> Path:
        """Where the checkpoint lies on this machine, its weights included where they are wanted.

        Raises UserError if it cannot be fetched.
        """
        if Path(self.source).is_absolute():
            return Path(self.source)
        return local_copy(self.source, self.revision, weights=weights, code=self.trust_remote_code)

    def loaded_transformer(
        self, folder: Path, tokenizer: "PreTrainedTokenizerBase", seed: int
    ) -> "tuple[Any, list[nn.Module]]":
        """What gives vectors of tokens, with its weights, and what follows their pooling and was part of it.

        Raises UserError if it does not load.
        """
        from trainables.encoders.pretrained import load_transformer

        return load_transformer(self, folder, seed)

    def empty_transformer(self) -> "tuple[Any, list[nn.Module]]":
        """The same on the meta device; raises UserError if its size is not to be had."""
        from trainables.encoders.pretrained import transformer_of_size

        return transformer_of_size(self, FACTS.get(self.source))

    def model_class(self, settings: Any) -> Any:
        """The class of `transformers` for a configuration of its own; raises UserError for what is of another kind."""
        raise NotImplementedError

    @classmethod
    def settings_in(cls, folder: Path, route: str = "") -> Mapping[str, Any] | None:
        """The config.json of the checkpoint in a folder; None if it is of another kind. Raises UserError."""
        settings = model_settings(folder, route)
        return settings if cls.model_types is None or settings["model_type"] in cls.model_types else None

    @classmethod
    def of_folder(cls, folder: Path, fields: Mapping[str, Any], route: str = "") -> Self | None:
        """The encoder in a folder; None if it is of another kind. Raises UserError for what cannot be honoured.

        Args:
            folder: the checkpoint.
            fields: what its files do not say, such as its name.
            route: whose modules are meant, where it has a Router.
        """
        settings = cls.settings_in(folder, route)
        if settings is None:
            return None
        of_texts = cls.text_settings(settings)
        found = read_folder(declaring_folder(folder), of_texts, route)
        own = cls.of_settings(of_texts, is_bare="pooling" not in found)
        if (folder / FOLDER / TOWER_FILE).is_file():
            own["image"] = {"tower": str((folder / FOLDER).absolute()), **read_json(folder / FOLDER / TOWER_FILE)}
        return cls.validated(folder, {**own, **found, **fields}).on_route(route)

    @classmethod
    def validated(cls, folder: Path, fields: Mapping[str, Any]) -> Self:
        """The encoder of some fields; raises UserError that names the file in the folder that gives a wrong one."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            file = SETTINGS_FILE if (folder / SETTINGS_FILE).is_file() else "config.json"
            rule = rule_in(first)
            raise UserError(
                f"{folder / file} gives {'.'.join(map(str, first['loc']))} as {first['input']!r}: "
                f"{rule[:1].lower()}{rule[1:]}; correct it, or fetch the file again."
            ) from error

    def check_files(self, folder: Path) -> None:
        """Raises UserError if weights or tokenizer in its folder are missing or not whole."""
        check_files(folder, self.layers, self.route)

    @classmethod
    def text_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of the config.json of a checkpoint what is about texts."""
        return settings

    def settings_of_texts(self, settings: Any) -> Any:
        """Likewise of a configuration of `transformers`."""
        return settings

    def unwrapped(self, transformer: Any) -> "tuple[Any, list[nn.Module]]":
        """A loaded model as what gives vectors of tokens, and what follows their pooling and was part of it."""
        return transformer, []

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any], *, is_bare: bool) -> dict[str, Any]:
        """Fields that follow from the config.json of a checkpoint; it is bare if it declares nothing else."""
        return {}

    def prepare(self, transformer: Any) -> None:
        """Changes a transformer that was just loaded or made; raises UserError if it cannot do what is asked."""

    @override
    def skeleton(self, vocabulary: int) -> "Encoder":
        from trainables.encoders.pretrained import skeleton_of

        return skeleton_of(self)

    @override
    def files(self) -> dict[str, str]:
        folder = Path(self.source)
        if not folder.is_absolute():
            return {}
        base = base_of(transformer_folder(folder))
        found = _checksums(folder)
        tower = Path(self.image_side.tower)
        if tower.is_absolute() and not tower.is_relative_to(folder):
            found |= {f"{tower}/{name}": one for name, one in _checksums(tower).items()}
        # The model that an adapter belongs to is loaded, too.
        return found if base is None else {**found, **{f"{base}/{name}": one for name, one in _checksums(base).items()}}


def _checksums(folder: Path) -> dict[str, str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not _NOT_LOADED.search(str(path)))
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


FACTS: dict[str, Mapping[str, Any]] = {}
"""By hub id of a preset what its config.json says of its size, so that a study can be planned without a connection."""


def presets(
    published: Iterable[tuple[CheckpointEncoder, str, tuple[str, ...], Mapping[str, Any]]],
) -> tuple[Preset, ...]:
    """Returns presets, given encoder, description, works to cite and the size of each as its config.json has it."""
    found = []
    for config, description, references, facts in published:
        if facts:
            FACTS[config.source] = facts
        found.append(Preset(config, description, references))
    return tuple(found)


def recognise(kind: type[CheckpointEncoder]) -> Callable[[str, str | None], CheckpointEncoder | None]:
    """Returns what turns the name of a folder or a hub id into an encoder of a kind, or None if it is of another one.

    A hub id is read at a revision, which may be None: the main branch. What is returned raises UserError for a
    checkpoint that cannot be loaded, for a path that is no folder, and for the revision of a folder.
    """

    def recognised(name: str, revision: str | None) -> CheckpointEncoder | None:
        path = with_home(name)
        if path.is_dir():
            if revision is not None:
                raise UserError(
                    f"encoder.revision is {revision!r}, but {name} is a folder, which has one state: leave "
                    "encoder.revision out, or give the hub id."
                )
            # Workers start in other folders, so the path must not be relative.
            found = kind.of_folder(path, {"name": name, "source": str(path.absolute())})
            if found is not None:
                found.check_files(path)
            return found
        if path.exists():
            raise UserError(f"The encoder {name!r} is a file: give the folder that holds its config.json.")
        if name.startswith(("/", ".", "~")):
            raise UserError(f"There is no encoder folder {name!r}: check the path.")
        if not _HUB_ID.fullmatch(name):
            return None
        folder = _hub_folder(name, revision)
        return kind.of_folder(folder, {"name": name, "source": name, "revision": commit_of(folder) or revision})

    return recognised


@lru_cache(maxsize=16)
def _hub_folder(repository: str, revision: str | None) -> Path:
    return local_copy(repository, revision, weights=False)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
