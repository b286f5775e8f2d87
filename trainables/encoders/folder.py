"""Reads what a checkpoint folder says about itself, and refuses one that could not be loaded."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables.encoders.adapters import ADAPTER_FILE, base_of
from trainables.encoders.base import LONGEST
from trainables.encoders.json_files import read_json, refuse_pointer
from trainables.encoders.module_list import MODULES_FILE, is_static, transformer_folder
from trainables.encoders.modules import NORMALIZE, TOKENIZER_FILE, declared
from trainables.encoders.weight_files import check_weights
from trainables.errors import UserError

SETTINGS_FILE = "encoder.json"
"""Pooling, prefixes, lengths, and how many components are kept, where not all are, of an encoder that this project
saved: what its other files have no place for."""

_SETTINGS = ("pooling", "query_prefix", "passage_prefix", "max_query_length", "max_passage_length")
_DIMENSIONS = "dimensions"
_TOKENIZERS = (
    TOKENIZER_FILE,
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
)
_LARGEST = {
    "num_hidden_layers": 1_000,
    "num_layers": 1_000,
    "num_attention_heads": 1_000,
    "num_heads": 1_000,
    "hidden_size": 100_000,
    "d_model": 100_000,
    "d_ff": 1_000_000,
    "intermediate_size": 1_000_000,
    "vocab_size": 10_000_000,
    "max_position_embeddings": 100_000_000,
}
"""What no encoder exceeds: a mistake in config.json must not take all memory."""
DEFAULT_LENGTH = 256
"""Longest text of a checkpoint that names none, in tokens."""


def remedy(source: str) -> str:
    """Returns what to do about a checkpoint that does not load."""
    if Path(source).is_absolute():
        return "fetch the files of this folder again, or give another one"
    return "check the name and the connection, or give a local folder with model.safetensors"


def position_capacity(settings: Mapping[str, Any]) -> int | None:
    """Returns how many tokens a checkpoint can number, given its config.json; None where positions have no end.

    With LongRoPE (arXiv 2402.13753) those up to which its factors do not change: beyond, the longest text of a batch
    would decide the vectors of all.
    """
    positions = settings.get("max_position_embeddings")
    if not isinstance(positions, int) or positions <= 0:
        return None
    # RoBERTa's relatives start counting behind the padding id.
    if "roberta" in str(settings.get("model_type")) or settings.get("model_type") in ("camembert", "xmod", "mpnet"):
        padding = settings.get("pad_token_id")
        return positions - (padding if isinstance(padding, int) else 0) - 1
    return min([positions, *lengths_that_turn(settings)])


def lengths_that_turn(settings: Mapping[str, Any]) -> Iterator[int]:
    """The lengths behind which LongRoPE turns positions by other factors, by the longest text of a row."""
    own = settings.get("original_max_position_embeddings", settings.get("max_position_embeddings"))
    for field in ("rope_parameters", "rope_scaling"):
        said = settings.get(field)
        said = said if isinstance(said, Mapping) else {}
        # Some kinds have them by the type of a layer.
        for rope in (said, *(one for one in said.values() if isinstance(one, Mapping))):
            length = rope.get("original_max_position_embeddings", own)
            if "longrope" in (rope.get("rope_type"), rope.get("type")) and isinstance(length, int):
                yield length


def model_settings(folder: Path, route: str = "") -> dict[str, Any]:
    """Returns the config.json of a checkpoint's transformer, checked; raises UserError if there is none.

    Args:
        folder: the checkpoint.
        route: whose transformer, where it has a Router.
    """
    path = transformer_folder(folder, route)
    base = base_of(path)
    if base is not None:
        return model_settings(base)
    file = path / "config.json"
    settings = read_json(file) if file.is_file() else {}
    if not isinstance(settings.get("model_type"), str):
        # A list of modules that begins otherwise is refused by its name, not for what its first module has no need of.
        declared(folder, route)
        if not file.is_file():
            raise UserError(f"The encoder folder {path} has no config.json: {_instead(path)}.")
        raise UserError(f"{file} has no model_type: give a folder in the Hugging Face layout.")
    if settings["model_type"] == "model2vec":
        raise UserError(
            f"{file} is of a table of token vectors (model2vec), but there is no modules.json that "
            "says how a text is read with it: save it as a StaticEmbedding of sentence-transformers."
        )
    _check_size(file, settings)
    return settings


def read_folder(folder: Path, settings: Mapping[str, Any], route: str = "") -> dict[str, Any]:
    """Returns what the checkpoint in a folder declares, as fields of a configuration.

    That is what this project's own file says, then what the sentence-transformers layout says; the fields of a bare
    checkpoint are its lengths alone. Raises UserError if that is broken or not known here.

    Args:
        folder: the checkpoint.
        settings: its `model_settings`.
        route: whose modules are meant, where it has a Router.
    """
    capacity = position_capacity(settings)
    said = declared(folder, route)
    # Where nothing else is said, sentence-transformers reads as far as a model can number.
    length = min(DEFAULT_LENGTH if said is None else LONGEST, capacity or DEFAULT_LENGTH)
    found = {"max_query_length": length, "max_passage_length": length, **(said or {})}
    # Of an encoder with routes it is about the whole.
    if not route and (own := own_settings(folder)):
        return {**found, **own}
    if capacity is not None:
        found |= {key: min(found[key], capacity) for key in ("max_query_length", "max_passage_length")}
    return found


def own_settings(folder: Path) -> dict[str, Any]:
    """Returns what this project's own file in a folder says, nothing if there is none; raises UserError for another."""
    file = folder / SETTINGS_FILE
    own = read_json(file) if file.is_file() else {}
    if own and own.keys() - {_DIMENSIONS} != set(_SETTINGS):
        raise UserError(f"{file} must hold exactly {', '.join(_SETTINGS)}, and may hold {_DIMENSIONS}.")
    return own


def declaring_folder(folder: Path) -> Path:
    """Where what a checkpoint declares lies: an adapter without modules of its own is what its model declares."""
    base = base_of(folder) if not (folder / MODULES_FILE).is_file() else None
    return folder if base is None else base


def check_files(folder: Path, layers: Iterable[str], route: str = "") -> None:
    """Raises UserError if the weights or the tokenizer of a checkpoint are missing or not whole.

    Args:
        folder: the checkpoint.
        layers: what follows its pooling, as in a configuration.
        route: whose files are meant, where it has a Router.
    """
    path = transformer_folder(folder, route)
    if (path / ADAPTER_FILE).is_file():
        check_weights(path, "adapter_model")
    else:
        check_weights(path)
    tokenizer_folder(folder, route)
    declaring = declaring_folder(folder)
    for layer in layers:
        if layer != NORMALIZE:
            check_weights(declaring / layer)


def tokenizer_folder(folder: Path, route: str = "") -> Path:
    """Where the tokenizer of a checkpoint lies: beside its weights, or with the model of an adapter.

    Raises UserError if there is none.
    """
    path = transformer_folder(folder, route)
    base = base_of(path)
    places = (path,) if base is None else (path, transformer_folder(base))
    names = (TOKENIZER_FILE,) if is_static(folder, route) else _TOKENIZERS
    files = (place / name for place in places for name in names)
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"The encoder folder {path} has no tokenizer: put {_TOKENIZERS[0]} next to config.json.")
    refuse_pointer(found)
    return found.parent


def _instead(path: Path) -> str:
    """What to give instead of a folder without a config.json."""
    if (path / MODULES_FILE).is_file():
        return "fetch it"
    inside = sorted(found.parent for found in path.glob("*/config.json")) if path.is_dir() else []
    checkpoints = [one.name for one in inside if one.name.startswith("checkpoint")]
    if checkpoints:
        latest = max(checkpoints, key=lambda name: (len(name), name))
        return f"it holds the checkpoints of a training; give one of them, such as {path / latest}"
    if inside:
        return f"give the folder inside that has one, such as {inside[0]}"
    return "give a folder in the Hugging Face layout"


def _check_size(file: Path, settings: Mapping[str, Any]) -> None:
    for name, largest in _LARGEST.items():
        value = settings.get(name)
        if value is not None and (not isinstance(value, int) or not 1 <= value <= largest):
            raise UserError(f"{file} gives {name} as {value!r}: it must be a number from 1 to {largest:,}.")


def write_settings(settings: Mapping[str, Any], path: Path) -> None:
    """Writes pooling, prefixes, lengths and kept components beside a checkpoint, for `own_settings`."""
    keys = (*_SETTINGS, _DIMENSIONS) if settings[_DIMENSIONS] is not None else _SETTINGS
    content = json.dumps({key: settings[key] for key in keys}, ensure_ascii=False, indent=1)
    (path / SETTINGS_FILE).write_text(content + "\n", encoding="utf-8")
