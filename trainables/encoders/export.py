"""Writes what sentence-transformers reads of an encoder, with the names that its versions 5 and 6 both know."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from trainables.encoders.base import EncoderConfig
from trainables.encoders.layers import Dense, Normalize
from trainables.encoders.module_list import MODULES_FILE, PROMPTS_FILE, ROUTER_FILE
from trainables.encoders.modules import OLD_MODES

_LIBRARY = "sentence_transformers.models"


@dataclass(frozen=True, eq=False)
class Part:
    """A module of sentence-transformers, by the name of its class, and what fills its folder, which is there."""

    kind: str
    write: Callable[[Path], None]
    module: object = None
    """What has weights, by which a part of two encoders is known to be one."""


def write_modules(folder: Path, parts: Sequence[Part], config: EncoderConfig) -> None:
    """Writes the modules of an encoder and its prompts; the first module lies in the folder itself."""
    entries = []
    for place, part in enumerate(parts):
        path = f"{place}_{part.kind}" if place else ""
        (folder / path).mkdir(parents=True, exist_ok=True)
        part.write(folder / path)
        entries.append({"idx": place, "name": str(place), "path": path, "type": f"{_LIBRARY}.{part.kind}"})
    _write(folder / MODULES_FILE, entries)
    prompts = {"query": config.query_prefix, "document": config.passage_prefix, "passage": config.passage_prefix}
    general = {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    _write(folder / PROMPTS_FILE, general)


def router_part(routes: Mapping[str, Sequence[Part]], default_route: str | None) -> Part:
    """A Router of modules by route; what routes share is written once.

    Args:
        routes: the modules.
        default_route: the route of a text of no task; None: it has none.
    """
    return Part("Router", lambda folder: _write_router(folder, routes, default_route))


def _write_router(folder: Path, routes: Mapping[str, Sequence[Part]], default_route: str | None) -> None:
    types: dict[str, str] = {}
    structure: dict[str, list[str]] = {}
    known: dict[int, str] = {}
    for route, parts in routes.items():
        structure[route] = []
        for place, part in enumerate(parts):
            name = f"{route}_{place}_{part.kind}"
            if part.module is not None:
                name = known.setdefault(id(part.module), name)
            structure[route].append(name)
            if name not in types:
                types[name] = f"{_LIBRARY}.{part.kind}"
                (folder / name).mkdir(parents=True)
                part.write(folder / name)
    parameters = {"default_route": default_route, "allow_empty_key": default_route is not None}
    _write(folder / ROUTER_FILE, {"types": types, "structure": structure, "parameters": parameters})


def write_length(folder: Path, longest: int) -> None:
    """Writes beside a transformer how many tokens of a text it reads."""
    _write(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})


def pooling_part(modes: Sequence[str], width: int, *, pools_prompt: bool) -> Part:
    """The pooling of vectors of tokens of so many components."""
    # In this order they are put one behind the other; another order has no old name.
    old = [mode for mode in OLD_MODES.values() if mode in modes]
    pooling: dict[str, Any] = {"word_embedding_dimension": width}
    if old == list(modes):
        pooling |= {key: mode in modes for key, mode in OLD_MODES.items()}
    else:
        pooling["pooling_mode"] = [{"mean_sqrt_len": "mean_sqrt_len_tokens"}.get(mode, mode) for mode in modes]
    return Part("Pooling", lambda folder: _write(folder / "config.json", {**pooling, "include_prompt": pools_prompt}))


def layer_parts(layers: Iterable[nn.Module]) -> list[Part]:
    """What follows the pooling; the vectors are scaled to length one at the end in any case."""
    found = list(layers)
    if not found or not isinstance(found[-1], Normalize):
        found.append(Normalize())
    return [_layer_part(layer) for layer in found]


def _layer_part(layer: nn.Module) -> Part:
    module = layer if isinstance(layer, Dense) else None
    return Part(type(layer).__name__, lambda folder: _write_layer(folder, layer), module)


def _write_layer(folder: Path, layer: nn.Module) -> None:
    from safetensors.torch import save_file

    if isinstance(layer, Dense):
        _write(folder / "config.json", layer.settings)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in layer.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
