"""What a checkpoint in the layout of sentence-transformers declares: its pooling, layers, prompts and lengths.

What is declared is applied or refused by name, never dropped. A checkpoint without `modules.json` declares nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.encoders.base import LONGEST, SHORTEST
from trainables.encoders.json_files import load_json, read_json
from trainables.encoders.module_list import (
    MODULES_FILE,
    PROMPTS_FILE,
    STATIC,
    TRANSFORMER_FILES,
    inside,
    kind_of,
    modules_of,
    one_of,
    only,
)
from trainables.errors import UserError

NORMALIZE = "normalize"
"""How a configuration names scaling to length one among the layers; a dense layer is named by its folder."""

ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "ELU", "LeakyReLU", "Softplus")
"""Activations of a dense layer that are known here: names of classes in torch.nn."""

OLD_MODES = {
    # In the order in which they are put one behind the other.
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_NEW_MODES = {"mean_sqrt_len_tokens": "mean_sqrt_len"}
_DOCUMENTS = ("document", "passage", "corpus")
"""What the prompt of passages may be called, in the order in which they are looked for."""
_VECTOR = {"module_input_name": ("sentence_embedding",), "module_output_name": ("sentence_embedding", None)}


def declared(folder: Path, route: str = "") -> dict[str, Any] | None:
    """Returns what a folder declares, as fields of a configuration; None if it is no sentence-transformers folder.

    The lengths are left out where it names none. Raises UserError for what is broken and for what is not known here.

    Args:
        folder: the checkpoint.
        route: whose modules are meant, where it has a Router.
    """
    modules = modules_of(folder, route)
    if not modules:
        return None
    kinds = [kind_of(module) for module in modules]
    file = f"{folder / MODULES_FILE}{f', on the route {route},' if route else ''}"
    if kinds[0] == STATIC:
        behind, last, found = 1, STATIC, _static(inside(folder, modules[0]))
    elif kinds[0] != "Transformer":
        raise UserError(f"{file} begins with a module {kinds[0]}, not a Transformer or {STATIC}: {_OTHERS}.")
    elif kinds[1:2] != ["Pooling"]:
        raise UserError(f"{file} has {kinds[1] if kinds[1:] else 'nothing'} where the pooling should be: {_OTHERS}.")
    else:
        pooling = _pooling(inside(folder, modules[1]) / "config.json")
        behind, last, found = 2, "pooling", {**pooling, **_transformer(inside(folder, modules[0]))}
    unknown = next((kind for kind in kinds[behind:] if kind not in ("Dense", "Normalize")), None)
    if unknown is not None:
        raise UserError(f"{file} has a module {unknown} behind the {last}: {_OTHERS}.")
    layers = [_layer(folder, module) for module in modules[behind:]]
    prompts = _prompts(folder / PROMPTS_FILE, ends_normalised=layers[-1:] == [NORMALIZE])
    return {**found, "layers": layers, **prompts}


_OTHERS = (
    f"known here are a Transformer with its Pooling, or a {STATIC}, and then Dense and Normalize; give a model of these"
)


def _pooling(file: Path) -> dict[str, Any]:
    settings = read_json(file)
    known = ("word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt", *OLD_MODES)
    only(file, settings, known)
    named = settings.get("pooling_mode")
    if named is None:
        modes = [mode for key, mode in OLD_MODES.items() if settings.get(key)]
    else:
        modes = [_NEW_MODES.get(str(mode), str(mode)) for mode in ([named] if isinstance(named, str) else named)]
    if not modes or not set(modes) <= set(OLD_MODES.values()):
        raise UserError(
            f"{file} asks for the pooling {named if named is not None else 'of no kind'!r}: known are "
            f"{', '.join(OLD_MODES.values())}."
        )
    one_of(file, settings, "include_prompt", (True, False))
    return {"pooling": "+".join(modes), "pool_prompt": settings.get("include_prompt", True)}


def _layer(folder: Path, module: Mapping[str, Any]) -> str:
    path = inside(folder, module)
    file = path / "config.json"
    if kind_of(module) == "Normalize":
        settings = read_json(file) if file.is_file() else {}
        only(file, settings, _VECTOR)
        for key, values in _VECTOR.items():
            one_of(file, settings, key, values)
        return NORMALIZE
    settings = read_json(file)
    known = {"in_features", "out_features", "bias", "activation_function", "use_residual", *_VECTOR}
    only(file, settings, known)
    one_of(file, settings, "use_residual", (False,))
    for key, values in _VECTOR.items():
        one_of(file, settings, key, values)
    activation = str(settings.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if not activation.startswith("torch.nn.") or activation_of(settings) not in ACTIVATIONS:
        raise UserError(f"{file} asks for the activation {activation}: known are {', '.join(ACTIVATIONS)} of torch.nn.")
    if not (path / "model.safetensors").is_file():
        raise UserError(f"{path} has no model.safetensors: fetch it, or convert its weights.")
    return path.relative_to(folder).as_posix()


def activation_of(settings: Mapping[str, Any]) -> str:
    """The name in torch.nn of the activation that the config.json of a dense layer asks for, known here or not."""
    return str(settings.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]


def _prompts(file: Path, ends_normalised: bool) -> dict[str, Any]:
    settings = read_json(file) if file.is_file() else {}
    one_of(file, settings, "model_type", ("SentenceTransformer", None))
    # On vectors of length one a product and a distance rank as the cosine does.
    usual = ("cosine", None, *(("dot", "euclidean") if ends_normalised else ()))
    one_of(file, settings, "similarity_fn_name", usual)
    prompts = settings.get("prompts") or {}
    texts = prompts.values() if isinstance(prompts, dict) else (prompts,)
    wrong = next((text for text in texts if not isinstance(text, str | None)), None)
    if wrong is not None:
        raise UserError(f"{file} has a prompt {wrong!r}: prompts must be texts by their name.")
    usual_name = settings.get("default_prompt_name")
    if usual_name is not None and usual_name not in [*prompts, "query", "document"]:
        raise UserError(
            f"{file} sets default_prompt_name to {usual_name!r}, but has no such prompt: correct one of them."
        )
    query = prompts.get("query")
    passage = next((prompts[name] for name in _DOCUMENTS if prompts.get(name) is not None), None)
    default = prompts.get(usual_name) if query is None and passage is None else None
    found: dict[str, Any] = {
        "query_prefix": query or default or "",
        "passage_prefix": passage or default or "",
        "dimensions": settings.get("truncate_dim"),
    }
    return found


def _static(folder: Path) -> dict[str, Any]:
    file = folder / TOKENIZER_FILE
    if not file.is_file():
        raise UserError(f"{folder} has no {TOKENIZER_FILE}: fetch it.")
    said = load_json(file, _LARGEST_TOKENIZER)
    truncation = said.get("truncation") if isinstance(said, dict) else None
    length: Any = LONGEST
    if truncation is not None:
        # Of a pair of texts the second one alone would be cut.
        if not isinstance(truncation, dict) or truncation.get("strategy") not in ("LongestFirst", "OnlyFirst"):
            raise UserError(f"{file} cuts texts by {truncation!r}, which is not known here: set truncation to null.")
        length = truncation.get("max_length")
        if not isinstance(length, int) or isinstance(length, bool) or length < SHORTEST:
            raise UserError(f"{file} gives max_length as {length!r}: it must be a number of at least {SHORTEST}.")
    return {"max_query_length": min(length, LONGEST), "max_passage_length": min(length, LONGEST)}


TOKENIZER_FILE = "tokenizer.json"
"""The tokenizer of a table of token vectors; it says how far a text is read, if it does not read all of it."""
_LARGEST_TOKENIZER = 500_000_000
"""Bytes."""


def _transformer(folder: Path) -> dict[str, Any]:
    file = next((folder / name for name in TRANSFORMER_FILES if (folder / name).is_file()), None)
    found: dict[str, Any] = {}
    length = None
    if file is not None:
        settings = read_json(file)
        length = settings.get("max_seq_length")
        found["lower_case"] = bool(settings.get("do_lower_case", False))
        _check_transformer(file, settings)
    tokenizer = folder / "tokenizer_config.json"
    if length is None and tokenizer.is_file():
        file, length = tokenizer, read_json(tokenizer).get("model_max_length")
        # What tokenizers write that have no limit.
        length = None if isinstance(length, int | float) and length > _NO_LIMIT else length
    if length is None:
        return found
    if not isinstance(length, int) or isinstance(length, bool) or length < SHORTEST:
        name = "model_max_length" if file == tokenizer else "max_seq_length"
        raise UserError(f"{file} gives {name} as {length!r}: it must be a number of at least {SHORTEST}.")
    return {**found, "max_query_length": length, "max_passage_length": length}


_NO_LIMIT = 10**9
_ARGUMENTS = ("model_args", "tokenizer_args", "config_args", "model_kwargs", "processor_kwargs", "config_kwargs")
_HARMLESS = frozenset(
    (
        "torch_dtype",
        "dtype",
        "attn_implementation",
        "trust_remote_code",
        "padding_side",
        "use_fast",
        "add_pooling_layer",
    )
)
"""Arguments that change how fast a vector is found, and not the vector."""


def _check_transformer(file: Path, settings: Mapping[str, Any]) -> None:
    known = ("max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name")
    nothing = ("unpad_inputs", "query_length", "document_length", "query_expansion", "processing_kwargs")
    only(file, settings, (*known, *nothing, *_ARGUMENTS))
    one_of(file, settings, "transformer_task", ("feature-extraction",))
    one_of(file, settings, "module_output_name", ("token_embeddings",))
    for key in nothing:
        one_of(file, settings, key, (None, {}, True, False) if key == "unpad_inputs" else (None, {}))
    for key in _ARGUMENTS:
        only(file, settings.get(key) or {}, _HARMLESS)
    modalities = settings.get("modality_config")
    usual = {"method": "forward", "method_output_name": "last_hidden_state"}
    if modalities is not None and (not isinstance(modalities, dict) or modalities.get("text") != usual):
        raise UserError(f"{file} reads text in another way than by {usual}: give another model.")
