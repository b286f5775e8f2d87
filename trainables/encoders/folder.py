"""Reads what a checkpoint folder says about itself, and refuses one that could not be loaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.encoders.base import SHORTEST
from trainables.errors import UserError

SETTINGS_FILE = "encoder.json"
"""Pooling, prefixes and lengths of an encoder that this project saved."""

_SETTINGS = ("pooling", "query_prefix", "passage_prefix", "max_query_length", "max_passage_length")
_TOKENIZERS = (
    "tokenizer.json",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
)
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_LARGEST = {
    "num_hidden_layers": 1_000,
    "num_attention_heads": 1_000,
    "hidden_size": 100_000,
    "intermediate_size": 1_000_000,
    "vocab_size": 10_000_000,
    "max_position_embeddings": 100_000_000,
}
"""What no encoder exceeds: a mistake in config.json must not take all memory."""
_MODULES = {"Transformer", "Pooling", "Dense", "Normalize"}
_POOLINGS = {"mean_tokens": "mean", "cls_token": "cls", "mean": "mean", "cls": "cls"}
_DEFAULT_LENGTH = 256


def read_json(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a file; raises UserError with the line of a mistake."""
    value = _load(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object: fetch the file again.")
    return value


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno} is not JSON ({error.msg}): fetch the file again.") from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}): fetch the file again.") from error


def remedy(source: str) -> str:
    """Returns what to do about a checkpoint that does not load."""
    if Path(source).is_absolute():
        return "fetch the files of this folder again, or give another one"
    return "check the name and the connection, or give a local folder with model.safetensors"


def position_capacity(settings: Mapping[str, Any]) -> int | None:
    """Returns how many tokens a checkpoint can number, given its config.json; None where positions have no end."""
    positions = settings.get("max_position_embeddings")
    if not isinstance(positions, int) or positions <= 0:
        return None
    # RoBERTa's relatives start counting behind the padding id.
    if "roberta" in str(settings.get("model_type")) or settings.get("model_type") in ("camembert", "xmod", "mpnet"):
        padding = settings.get("pad_token_id")
        return positions - (padding if isinstance(padding, int) else 0) - 1
    return positions


def refuse_encoder_decoder(settings: Mapping[str, Any], source: str) -> None:
    """Raises UserError for a checkpoint with an encoder and a decoder."""
    kind = settings.get("model_type")
    # The encoder half of a T5, saved alone, does not say so itself.
    if settings.get("is_encoder_decoder") or kind in ("t5", "mt5", "umt5", "longt5"):
        raise UserError(
            f"The encoder {source!r} is an encoder-decoder ({kind}): give a model that is an encoder alone."
        )


def read_folder(path: Path) -> dict[str, Any]:
    """Returns pooling, prefixes and lengths of the checkpoint in a folder, as fields of EncoderConfig.

    Read from this project's own file, else from the sentence-transformers layout, else the defaults (mean pooling).
    Raises UserError if config.json, tokenizer or safetensors weights are missing or broken.
    """
    if (path / "adapter_config.json").exists():
        raise UserError(
            f"The encoder folder {path} holds an adapter, which is not applied: merge it into its model first."
        )
    if not (path / "config.json").is_file():
        raise UserError(f"The encoder folder {path} has no config.json: give a folder in the Hugging Face layout.")
    settings = read_json(path / "config.json")
    if not isinstance(settings.get("model_type"), str):
        raise UserError(f"{path / 'config.json'} has no model_type: give a folder in the Hugging Face layout.")
    refuse_encoder_decoder(settings, str(path))
    _check_size(path / "config.json", settings)
    _check_weights(path)
    if not any((path / name).is_file() for name in _TOKENIZERS):
        raise UserError(f"The encoder folder {path} has no tokenizer: put {_TOKENIZERS[0]} next to config.json.")
    if (path / SETTINGS_FILE).is_file():
        own = read_json(path / SETTINGS_FILE)
        if set(own) != set(_SETTINGS):
            raise UserError(f"{path / SETTINGS_FILE} must hold exactly {', '.join(_SETTINGS)}.")
        return own
    length = _longest_text(path / "sentence_bert_config.json")
    length = min(length, position_capacity(settings) or length)
    return {"pooling": _pooling(path), **_prompts(path), "max_query_length": length, "max_passage_length": length}


def _check_size(file: Path, settings: Mapping[str, Any]) -> None:
    for name, largest in _LARGEST.items():
        value = settings.get(name)
        if value is not None and (not isinstance(value, int) or not 1 <= value <= largest):
            raise UserError(f"{file} gives {name} as {value!r}: it must be a number from 1 to {largest:,}.")


def _check_weights(path: Path) -> None:
    index = path / "model.safetensors.index.json"
    if (path / "model.safetensors").is_file():
        return
    if index.is_file():
        tensors = read_json(index).get("weight_map")
        if not isinstance(tensors, dict):
            raise UserError(f"{index} has no weight_map from tensors to files: fetch it again.")
        shards = sorted({str(shard) for shard in tensors.values()})
        missing = [shard for shard in shards if not (path / shard).is_file()]
        if missing or not shards:
            raise UserError(f"{index} names {', '.join(missing) or 'no file'}, which is not there: fetch it again.")
        return
    if any((path / name).is_file() for name in _PICKLES):
        raise UserError(
            f"The weights in {path} are a pickle, which may run any code: convert them to model.safetensors first."
        )
    raise UserError(f"The encoder folder {path} has no weights: put model.safetensors next to config.json.")


def _longest_text(file: Path) -> int:
    length = read_json(file).get("max_seq_length") if file.is_file() else None
    if length is None:
        return _DEFAULT_LENGTH
    if not isinstance(length, int) or length < SHORTEST:
        raise UserError(f"{file} gives max_seq_length as {length!r}: it must be a number of at least {SHORTEST}.")
    return length


def _pooling(path: Path) -> str:
    """Reads the sentence-transformers modules; a first-token pooling followed by a tanh layer is BERT's pooler."""
    if (path / "modules.json").is_file():
        modules = _load(path / "modules.json")
        if not isinstance(modules, list) or not all(isinstance(m, dict) and "type" in m for m in modules):
            raise UserError(f"{path / 'modules.json'} is no list of modules with a type each: fetch the file again.")
        kinds = {str(module["type"]).rsplit(".", 1)[-1] for module in modules}
        if unknown := kinds - _MODULES:
            raise UserError(f"{path / 'modules.json'} has a module {min(unknown)}, which is not known here: remove it.")
    pooling_file = path / "1_Pooling" / "config.json"
    if not pooling_file.is_file():
        return "mean"
    settings = read_json(pooling_file)
    modes = [mode.removeprefix("pooling_mode_") for mode, on in settings.items() if on is True]
    # Newer files name the mode instead of switching it on.
    modes += [str(settings["pooling_mode"])] if "pooling_mode" in settings else []
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise UserError(f"{pooling_file} asks for a pooling other than mean or first token: only those are known here.")
    pooling = _POOLINGS[modes[0]]
    dense = path / "2_Dense"
    if not dense.is_dir():
        return pooling
    if pooling != "cls" or not str(read_json(dense / "config.json").get("activation_function")).endswith(".Tanh"):
        raise UserError(f"{dense} adds a layer behind the pooling, which is not known here: give a model without it.")
    if not (dense / "model.safetensors").is_file():
        raise UserError(f"{dense} has no model.safetensors: fetch it, or convert its weights.")
    return "pooler"


def _prompts(path: Path) -> dict[str, str]:
    file = path / "config_sentence_transformers.json"
    prompts = read_json(file).get("prompts") if file.is_file() else None
    if not isinstance(prompts, dict) or "query" not in prompts:
        return {}
    found = {"query_prefix": prompts["query"], "passage_prefix": prompts.get("passage", prompts.get("document"))}
    if found["passage_prefix"] is None:
        return {}
    for prefix in found.values():
        if not isinstance(prefix, str):
            raise UserError(f"{file} has a prompt {prefix!r}: prompts must be texts.")
    return found


def write_settings(settings: Mapping[str, Any], path: Path) -> None:
    """Writes pooling, prefixes and lengths beside a checkpoint, for `read_folder`."""
    content = json.dumps({key: settings[key] for key in _SETTINGS}, ensure_ascii=False, indent=1)
    (path / SETTINGS_FILE).write_text(content + "\n", encoding="utf-8")
