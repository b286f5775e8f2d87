"""Encoders from checkpoints: a preset of a published one, a local folder, or a hub id."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ValidationError
from typing_extensions import override

from trainables.encoders.base import EncoderConfig, Preset, Shape
from trainables.encoders.folder import SETTINGS_FILE, read_folder, refuse_encoder_decoder, remedy
from trainables.errors import UserError, one_line
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder

_NOT_LOADED = re.compile(r"/\.|\.(md|h5|msgpack|onnx|ot|png)$|/(LICENSE|NOTICE)|/(onnx|openvino)/")
"""Files of a model's folder that its encoder does not depend on: hidden ones, documents, weights of other libraries."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class HuggingFaceEncoder(EncoderConfig):
    """A pretrained encoder-only transformer."""

    recipe: ClassVar[Recipe] = Recipe(
        # Learning rate 3e-5 and batch size 100 are those of arXiv 2408.10536, which reports neither steps nor
        # temperature.
        values={"steps": 2000, "batches.size": 100},
        searched={"optimiser.learning_rate": Real(5e-6, 1e-4, log=True)},
        first={"optimiser.learning_rate": 3e-5},
    )
    is_pretrained: ClassVar[bool] = True

    kind: Literal["hugging_face"] = "hugging_face"
    source: str
    """a hub id or an absolute local folder"""
    revision: str | None = None
    """commit, tag or branch of a hub repository"""
    trust_remote_code: bool = False
    """run code that the checkpoint brings"""

    @property
    @override
    def token_key(self) -> str:
        return self.model_dump_json(exclude={"name", "pooling"})

    @override
    def tokenizer(self, texts: Sequence[str] = ()) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import load_tokenizer

        return load_tokenizer(self.source, self.revision, self.trust_remote_code)

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        from trainables.encoders.model import encoder_of

        return encoder_of(_pretrained(self), self, tokenizer)

    @override
    def shape(self, vocabulary: int) -> Shape:
        import torch
        from transformers import AutoConfig, AutoModel

        from trainables.encoders.footprint import kept_bytes_per_token

        config = AutoConfig.from_pretrained(
            self.source, revision=self.revision, trust_remote_code=self.trust_remote_code
        )
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=self.trust_remote_code).train()
        embeddings = model.get_input_embeddings().weight.numel()
        parameters = sum(parameter.numel() for parameter in model.parameters())
        kept = kept_bytes_per_token(model, config.hidden_size)
        return Shape(config.num_hidden_layers, config.hidden_size, parameters, embeddings, kept)

    @override
    def files(self) -> dict[str, str]:
        folder = Path(self.source)
        if not folder.is_absolute():
            return {}
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not _NOT_LOADED.search(str(path)))
        return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _e5(size: str) -> HuggingFaceEncoder:
    return HuggingFaceEncoder(
        name=f"multilingual-e5-{size}",
        source=f"intfloat/multilingual-e5-{size}",
        query_prefix="query: ",
        passage_prefix="passage: ",
        max_query_length=512,
        max_passage_length=512,
    )


XLM_R = r"""@inproceedings{conneau2020unsupervised,
  author    = {Alexis Conneau and Kartikay Khandelwal and Naman Goyal and Vishrav Chaudhary and Guillaume Wenzek and
              Francisco Guzm{\'a}n and Edouard Grave and Myle Ott and Luke Zettlemoyer and Veselin Stoyanov},
  title     = {Unsupervised Cross-lingual Representation Learning at Scale},
  booktitle = {Proceedings of ACL},
  year      = {2020}
}"""
LABSE = """@inproceedings{feng2022language,
  author    = {Fangxiaoyu Feng and Yinfei Yang and Daniel Cer and Naveen Arivazhagan and Wei Wang},
  title     = {Language-agnostic {BERT} Sentence Embedding},
  booktitle = {Proceedings of ACL},
  year      = {2022}
}"""

_PUBLISHED: tuple[tuple[HuggingFaceEncoder, str, tuple[str, ...]], ...] = (
    (
        HuggingFaceEncoder(name="xlm-r-base", source="FacebookAI/xlm-roberta-base"),
        "XLM-R base, 278M parameters, 100 languages, masked-language pretraining only",
        (XLM_R,),
    ),
    (
        HuggingFaceEncoder(name="xlm-r-large", source="FacebookAI/xlm-roberta-large"),
        "XLM-R large, 560M parameters, 100 languages, masked-language pretraining only",
        (XLM_R,),
    ),
    (
        HuggingFaceEncoder(name="labse", source="sentence-transformers/LaBSE", pooling="pooler"),
        "LaBSE, 471M parameters, 109 languages, pretrained on translation pairs",
        (LABSE,),
    ),
    (_e5("base"), "multilingual E5 base, 278M parameters, already trained for retrieval", ()),
    (_e5("large"), "multilingual E5 large, 560M parameters, already trained for retrieval", ()),
)

PRESETS = tuple(Preset(*one) for one in _PUBLISHED)


def recognise(name: str) -> HuggingFaceEncoder | None:
    """Returns the encoder of a local folder (checked) or of a hub id (not checked here); None if `name` is neither.

    The hub id of a preset is that preset, so that its pooling and prefixes are not lost. Raises UserError for a folder
    that cannot be loaded and for a path that is no folder.
    """
    preset = next((encoder for encoder, *_ in _PUBLISHED if encoder.source == name), None)
    if preset is not None:
        return preset
    path = Path(name).expanduser()
    if path.is_dir():
        return _of_folder(name, path)
    if path.exists():
        raise UserError(f"The encoder {name!r} is a file: give the folder that holds its config.json.")
    if name.startswith(("/", ".", "~")):
        raise UserError(f"There is no encoder folder {name!r}: check the path.")
    return HuggingFaceEncoder(name=name, source=name) if _HUB_ID.fullmatch(name) else None


def _of_folder(name: str, path: Path) -> HuggingFaceEncoder:
    try:
        # Workers start in other folders, so the path must not be relative.
        return HuggingFaceEncoder(name=name, source=str(path.absolute()), **read_folder(path))
    except ValidationError as error:
        first = error.errors()[0]
        file = SETTINGS_FILE if (path / SETTINGS_FILE).is_file() else "config.json"
        raise UserError(
            f"{path / file} gives {'.'.join(map(str, first['loc']))} as {first['input']!r}: "
            f"{first['msg'][:1].lower()}{first['msg'][1:]}; correct it, or fetch the file again."
        ) from error


def _pretrained(config: HuggingFaceEncoder) -> Any:
    import torch
    from transformers import AutoConfig, AutoModel

    from trainables.encoders.quiet import quiet

    where: dict[str, Any] = {"revision": config.revision, "trust_remote_code": config.trust_remote_code}
    try:
        with quiet():
            settings = AutoConfig.from_pretrained(config.source, **where)
        refuse_encoder_decoder(settings.to_dict(), config.source)
        # Weights that the checkpoint lacks are drawn at random before they are found missing below.
        with quiet(), torch.random.fork_rng(devices=[]):
            transformer, report = AutoModel.from_pretrained(
                config.source,
                config=settings,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **where,
            )
    except UserError:
        raise
    except Exception as error:
        # Libraries below raise anything from KeyError to a bare Exception for a broken file.
        raise UserError(
            f"The encoder {config.source!r} does not load ({one_line(error)}): {remedy(config.source)}."
        ) from error
    dense = Path(config.source) / "2_Dense" / "model.safetensors"
    if config.pooling == "pooler":
        if getattr(transformer, "pooler", None) is None:
            raise UserError(f"The encoder {config.source!r} has no pooler: choose the pooling mean or cls.")
        if dense.is_file():
            _fill_pooler(transformer, dense)
            report["missing_keys"] = {key for key in report["missing_keys"] if not key.startswith("pooler.")}
    elif hasattr(transformer, "pooler"):
        # Weights that no embedding depends on would never get a gradient.
        transformer.pooler = None
        report["missing_keys"] = {key for key in report["missing_keys"] if not key.startswith("pooler.")}
    missing = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    if missing:
        # They would be random, and the embeddings plausible nonsense.
        raise UserError(
            f"The weights of {config.source!r} lack {len(missing)} tensors ({missing[0]}, ...) that its config.json "
            "asks for: fetch them again, or the config.json that belongs to them."
        )
    broken = next((name for name, weight in transformer.state_dict().items() if not weight.isfinite().all()), None)
    if broken is not None:
        raise UserError(
            f"The weights of {config.source!r} hold NaN or infinity (in {broken}): {remedy(config.source)}."
        )
    return transformer


def _fill_pooler(transformer: Any, file: Path) -> None:
    """Takes the pooler from the dense layer of a sentence-transformers folder, which is the one that was trained."""
    from safetensors.torch import load_file

    try:
        weights = load_file(file)
        transformer.pooler.dense.load_state_dict(
            {"weight": weights["linear.weight"].float(), "bias": weights["linear.bias"].float()}
        )
    except Exception as error:
        # A damaged file, a tensor that is not there, one of another shape: each has an exception of its own.
        raise UserError(f"{file} is not the layer of this encoder ({one_line(error)}): fetch it again.") from error
