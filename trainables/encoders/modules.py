"""What a checkpoint in the layout of sentence-transformers declares: its modules, pooling, prompts and lengths.

The truth is `modules.json` with its paths, not the names of folders. What is declared is applied or refused by name,
never dropped. A checkpoint without `modules.json` declares nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from trainables.encoders.base import LONGEST, SHORTEST
from trainables.encoders.json_files import load_json, read_json
from trainables.errors import UserError

MODULES_FILE = "modules.json"
PROMPTS_FILE = "config_sentence_transformers.json"
STATIC = "StaticEmbedding"
"""The module that is a table of token vectors, whose mean is the vector of a text."""
NORMALIZE = "normalize"
"""How a configuration names scaling to length one among the layers; a dense layer is named by its folder."""

ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "ELU", "LeakyReLU", "Softplus")
"""Activations of a dense layer that are known here: names of classes in torch.nn."""

_TRANSFORMER_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
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


def transformer_folder(folder: Path) -> Path:
    """The folder that holds config.json, weights and tokenizer. Raises UserError as `declared` does."""
    modules = _modules(folder)
    return folder if not modules else _inside(folder, modules[0])


def is_static(folder: Path) -> bool:
    """Whether a checkpoint begins with a table of token vectors, not with a transformer. Raises UserError likewise."""
    modules = _modules(folder)
    return bool(modules) and _kind(modules[0]) == STATIC


def declared(folder: Path) -> dict[str, Any] | None:
    """Returns what a folder declares, as fields of a configuration; None if it is no sentence-transformers folder.

    The lengths are left out where it names none. Raises UserError for what is broken and for what is not known here.
    """
    modules = _modules(folder)
    if not modules:
        return None
    kinds = [_kind(module) for module in modules]
    file = folder / MODULES_FILE
    if kinds[0] == STATIC:
        behind, last, found = 1, STATIC, _static(_inside(folder, modules[0]))
    elif kinds[0] != "Transformer":
        raise UserError(f"{file} begins with a module {kinds[0]}, not a Transformer or {STATIC}: {_OTHERS}.")
    elif kinds[1:2] != ["Pooling"]:
        raise UserError(f"{file} has {kinds[1] if kinds[1:] else 'nothing'} where the pooling should be: {_OTHERS}.")
    else:
        pooling = _pooling(_inside(folder, modules[1]) / "config.json")
        behind, last, found = 2, "pooling", {**pooling, **_transformer(_inside(folder, modules[0]))}
    unknown = next((kind for kind in kinds[behind:] if kind not in ("Dense", "Normalize")), None)
    if unknown is not None:
        raise UserError(f"{file} has a module {unknown} behind the {last}: {_OTHERS}.")
    layers = [_layer(folder, module) for module in modules[behind:]]
    prompts = _prompts(folder / PROMPTS_FILE, ends_normalised=layers[-1:] == [NORMALIZE])
    return {**found, "layers": layers, **prompts}


_OTHERS = (
    f"known here are a Transformer with its Pooling, or a {STATIC}, and then Dense and Normalize; give a model of these"
)


def _modules(folder: Path) -> list[dict[str, Any]]:
    file = folder / MODULES_FILE
    if not file.is_file():
        others = ("1_Pooling", PROMPTS_FILE, *_TRANSFORMER_FILES)
        other = next((name for name in others if (folder / name).exists()), None)
        if other is not None:
            raise UserError(
                f"{folder} has {other} but no {MODULES_FILE}, which says what becomes of it: fetch that file, too, or "
                f"remove {other}."
            )
        return []
    modules = load_json(file)
    if not isinstance(modules, list) or not modules or not all(_is_module(module) for module in modules):
        raise UserError(f"{file} is no list of modules with a type and a path each: fetch the file again.")
    return modules


def _is_module(module: Any) -> bool:
    return isinstance(module, dict) and all(isinstance(module.get(key, ""), str) for key in ("type", "path"))


def _kind(module: Mapping[str, Any]) -> str:
    """`Pooling` of `sentence_transformers.models.Pooling`; a class of somebody else keeps its whole name."""
    name = str(module.get("type", ""))
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name or "without a type"


def _inside(folder: Path, module: Mapping[str, Any]) -> Path:
    path = PurePosixPath(str(module.get("path", "")))
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{folder / MODULES_FILE} has a path {str(path)!r} that leads out of its folder: correct it.")
    found = folder / path
    # Scaling to length one has no files, so that its folder is lost on the way through git and archives.
    if not found.is_dir() and _kind(module) != "Normalize":
        raise UserError(f"{folder / MODULES_FILE} names a folder {str(path)!r} that is not there: fetch it.")
    return found


def _only(file: Path, settings: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(settings.keys() - set(known))
    if unknown:
        raise UserError(
            f"{file} sets {unknown[0]} to {settings[unknown[0]]!r}, which is not known here: give a model without it."
        )


def _one_of(file: Path, settings: Mapping[str, Any], key: str, values: Iterable[Any]) -> None:
    """Raises UserError if a setting is there and has none of the values that mean what is done here."""
    values = tuple(values)
    if key in settings and settings[key] not in values:
        raise UserError(
            f"{file} sets {key} to {settings[key]!r}, and only {' or '.join(repr(v) for v in values)} is known here: "
            "give another model."
        )


def _pooling(file: Path) -> dict[str, Any]:
    settings = read_json(file)
    known = ("word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt", *OLD_MODES)
    _only(file, settings, known)
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
    _one_of(file, settings, "include_prompt", (True, False))
    return {"pooling": "+".join(modes), "pool_prompt": settings.get("include_prompt", True)}


def _layer(folder: Path, module: Mapping[str, Any]) -> str:
    path = _inside(folder, module)
    file = path / "config.json"
    if _kind(module) == "Normalize":
        settings = read_json(file) if file.is_file() else {}
        _only(file, settings, _VECTOR)
        for key, values in _VECTOR.items():
            _one_of(file, settings, key, values)
        return NORMALIZE
    settings = read_json(file)
    known = {"in_features", "out_features", "bias", "activation_function", "use_residual", *_VECTOR}
    _only(file, settings, known)
    _one_of(file, settings, "use_residual", (False,))
    for key, values in _VECTOR.items():
        _one_of(file, settings, key, values)
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
    _one_of(file, settings, "model_type", ("SentenceTransformer", None))
    # On vectors of length one a product and a distance rank as the cosine does.
    usual = ("cosine", None, *(("dot", "euclidean") if ends_normalised else ()))
    _one_of(file, settings, "similarity_fn_name", usual)
    prompts = settings.get("prompts") or {}
    texts = prompts.values() if isinstance(prompts, dict) else (prompts,)
    wrong = next((text for text in texts if not isinstance(text, str | None)), None)
    if wrong is not None:
        raise UserError(f"{file} has a prompt {wrong!r}: prompts must be texts by their name.")
    query = prompts.get("query")
    passage = next((prompts[name] for name in _DOCUMENTS if prompts.get(name) is not None), None)
    default = prompts.get(settings.get("default_prompt_name")) if query is None and passage is None else None
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
    file = next((folder / name for name in _TRANSFORMER_FILES if (folder / name).is_file()), None)
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
    _only(file, settings, (*known, *nothing, *_ARGUMENTS))
    _one_of(file, settings, "transformer_task", ("feature-extraction",))
    _one_of(file, settings, "module_output_name", ("token_embeddings",))
    for key in nothing:
        _one_of(file, settings, key, (None, {}, True, False) if key == "unpad_inputs" else (None, {}))
    for key in _ARGUMENTS:
        _only(file, settings.get(key) or {}, _HARMLESS)
    modalities = settings.get("modality_config")
    usual = {"method": "forward", "method_output_name": "last_hidden_state"}
    if modalities is not None and (not isinstance(modalities, dict) or modalities.get("text") != usual):
        raise UserError(f"{file} reads text in another way than by {usual}: give another model.")
