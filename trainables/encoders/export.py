"""Writes what sentence-transformers reads of an encoder, with the names that its versions 5 and 6 both know."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from trainables.encoders.base import EncoderConfig
from trainables.encoders.layers import Dense, Normalize
from trainables.encoders.modules import MODULES_FILE, OLD_MODES, PROMPTS_FILE

_LIBRARY = "sentence_transformers.models"


def write_modules(
    folder: Path, modes: Sequence[str], layers: Sequence[nn.Module], config: EncoderConfig, width: int
) -> None:
    """Writes modules, pooling, prompts and lengths beside transformer and tokenizer.

    Args:
        folder: where these lie.
        modes: of the pooling.
        layers: what follows it; the vectors are scaled to length one at the end in any case.
        config: prefixes, lengths and what is pooled.
        width: components of a token's vector.
    """
    if not layers or not isinstance(layers[-1], Normalize):
        layers = [*layers, Normalize()]
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modules += [(f"{place}_{type(layer).__name__}", type(layer).__name__) for place, layer in enumerate(layers, 2)]
    entries = [
        {"idx": place, "name": str(place), "path": path, "type": f"{_LIBRARY}.{kind}"}
        for place, (path, kind) in enumerate(modules)
    ]
    _write(folder / MODULES_FILE, entries)
    # In this order they are put one behind the other; another order has no old name.
    old = [mode for mode in OLD_MODES.values() if mode in modes]
    pooling: dict[str, Any] = {"word_embedding_dimension": width}
    if old == list(modes):
        pooling |= {key: mode in modes for key, mode in OLD_MODES.items()}
    else:
        pooling["pooling_mode"] = [{"mean_sqrt_len": "mean_sqrt_len_tokens"}.get(mode, mode) for mode in modes]
    _write(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": config.pools_prompt})
    for (path, _), layer in zip(modules[2:], layers, strict=True):
        _write_layer(folder / path, layer)
    longest = max(config.max_query_length, config.max_passage_length)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    prompts = {"query": config.query_prefix, "document": config.passage_prefix, "passage": config.passage_prefix}
    general = {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    _write(folder / PROMPTS_FILE, general)


def _write_layer(folder: Path, layer: nn.Module) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(layer, Dense):
        _write(folder / "config.json", layer.settings)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in layer.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
