"""Loads the transformer of a checkpoint and what follows it, or says in one sentence why that cannot be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, PreTrainedTokenizerBase

from trainables.encoders.adapters import base_of, merged, with_adapters
from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.folder import check_files, declaring_folder, remedy
from trainables.encoders.hub_copy import commit_of
from trainables.encoders.image_text import ImageTextEncoder
from trainables.encoders.image_tower import load_tower, tower_skeleton
from trainables.encoders.layers import Dense, Normalize, keeps_first_components, load_dense
from trainables.encoders.model import Encoder, encoder_of
from trainables.encoders.module_list import transformer_folder
from trainables.encoders.modules import NORMALIZE
from trainables.encoders.quiet import quiet
from trainables.errors import UserError, one_line

_WRAPPERS = {r"^(module\.|_orig_mod\.|_fsdp_wrapped_module\.)+": ""}
"""What data parallelism and compilation put in front of every name of a tensor."""


def load_encoder(config: CheckpointEncoder, tokenizer: PreTrainedTokenizerBase, seed: int) -> Encoder:
    """Returns the encoder of a checkpoint in float32, in training mode; raises UserError if it does not load.

    Args:
        config: of any kind of checkpoint.
        tokenizer: its tokenizer.
        seed: draws the weights of new adapters.
    """
    folder = config.folder(weights=True)
    config.check_files(folder)
    transformer, layers = config.loaded_transformer(folder, tokenizer, seed)
    declared, declaring = list(config.layers), declaring_folder(folder)
    while declared[-1:] == [NORMALIZE]:
        # Every vector is scaled to length one at the end.
        declared.pop()
    layers += [Normalize() if layer == NORMALIZE else load_dense(declaring / layer) for layer in declared]
    if layers and keeps_first_components(last := layers[-1]):
        # Of a folder that was written here, and not trained: every vector is cut at the end as far as that says.
        last.requires_grad_(False)
        if config.dimensions is not None and config.dimensions <= last.linear.out_features:
            layers.pop()
    encoder = encoder_of(transformer, config, tokenizer, layers)
    if not config.reads_images:
        return encoder
    tower = load_tower(config.image_side, encoder.dimension, seed)
    return ImageTextEncoder(encoder.transformer, config, tower, encoder.layers, frozen=config.image.frozen).train()


def load_transformer(config: CheckpointEncoder, folder: Path, seed: int) -> tuple[Any, list[nn.Module]]:
    """Returns the transformer in a folder, as `CheckpointEncoder.loaded_transformer` does."""
    path = transformer_folder(folder, config.route)
    base = base_of(path, weights=True, code=config.trust_remote_code)
    if base is not None:
        check_files(base, ())
    transformer, missing, others = _transformer(config, path if base is None else transformer_folder(base))
    _refuse_missing(config, sorted(name for name in missing if _is_asked(config, name)), others)
    if base is not None:
        # Before the pooler is taken out, which it may have changed.
        transformer = merged(transformer, path)
    _refuse_broken(config, transformer)
    layers: list[nn.Module] = [] if config.pooling != "pooler" else [_taken_pooler(config, transformer)]
    if getattr(transformer, "pooler", None) is not None and config.pooling != "pooler":
        # Weights that no embedding depends on would never get a gradient.
        transformer.pooler = None
    transformer, taken = config.unwrapped(transformer)
    layers += taken
    config.prepare(transformer)
    if config.lora.rank:
        if base is not None:
            raise UserError(
                f"The encoder {config.source!r} is an adapter itself: merge it into its model first, or leave out "
                "encoder.lora.rank."
            )
        place = config.source if path == folder else str(path)
        # A folder has no revision; a branch or a tag may be moved, the commit that it stands for is not.
        revision = None if place == str(path) else commit_of(folder) or config.revision
        transformer = with_adapters(transformer, config.lora, place, revision, seed)
    return transformer, layers


def skeleton_of(config: CheckpointEncoder) -> Encoder:
    """Returns an encoder on the meta device; dense layers that a checkpoint brings are left out."""
    transformer, layers = config.empty_transformer()
    with torch.device("meta"):
        encoder = Encoder(transformer, config, layers).train()
        if not config.reads_images:
            return encoder
        tower = tower_skeleton(config.image_side, encoder.dimension)
        return ImageTextEncoder(transformer, config, tower, encoder.layers, frozen=config.image.frozen).train()


def transformer_of_size(config: CheckpointEncoder, facts: Mapping[str, Any] | None) -> tuple[Any, list[nn.Module]]:
    """Returns a transformer on the meta device, as `CheckpointEncoder.empty_transformer` does.

    Its size is that of the facts of a preset, else of the config.json of the checkpoint.
    """
    settings = _settings(config, _where(config)) if facts is None else AutoConfig.for_model(**facts)
    kind = config.model_class(settings)
    with torch.device("meta"):
        transformer = (
            kind._from_config(settings)
            if hasattr(kind, "_from_config")
            else kind.from_config(settings, trust_remote_code=config.trust_remote_code)
        ).train()
        layers: list[nn.Module] = [_taken_pooler(config, transformer)] if config.pooling == "pooler" else []
        if getattr(transformer, "pooler", None) is not None:
            transformer.pooler = None
        transformer, taken = config.unwrapped(transformer)
        layers += taken
        config.prepare(transformer)
        if config.lora.rank:
            transformer = with_adapters(transformer, config.lora, config.source, config.revision, seed=0)
    return transformer, layers


def _where(config: CheckpointEncoder) -> Path:
    path = transformer_folder(config.folder(), config.route)
    base = base_of(path)
    return path if base is None else transformer_folder(base)


def _settings(config: CheckpointEncoder, path: Path) -> Any:
    with quiet():
        whole = AutoConfig.from_pretrained(path, trust_remote_code=config.trust_remote_code)
    return config.settings_of_texts(whole)


def _transformer(config: CheckpointEncoder, path: Path) -> tuple[Any, set[str], list[str]]:
    """The transformer in a folder, and the names of tensors that its weights lack, and of those it does not ask for."""
    try:
        settings = _settings(config, path)
        kind = config.model_class(settings)
        # Weights that the checkpoint lacks are drawn at random before they are found missing below.
        with quiet(), torch.random.fork_rng(devices=[]):
            transformer, report = kind.from_pretrained(
                path,
                config=settings,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                # Refused below, with their names.
                ignore_mismatched_sizes=True,
                trust_remote_code=config.trust_remote_code,
                key_mapping=_WRAPPERS,
            )
    except UserError:
        raise
    except Exception as error:
        # Libraries below raise anything from KeyError to a bare Exception for a broken file.
        raise UserError(
            f"The encoder {config.source!r} does not load ({one_line(error)}): {remedy(config.source)}."
        ) from error
    other = sorted((str(name), tuple(found), tuple(asked)) for name, found, asked in report["mismatched_keys"])
    if other:
        name, found, asked = other[0]
        raise UserError(
            f"The weights of {config.source!r} have {len(other)} tensors of another shape than its config.json asks "
            f"for ({name} is {found} and not {asked}): fetch them again, or the config.json that belongs to them."
        )
    return transformer, set(report["missing_keys"]), sorted(report["unexpected_keys"])


def _is_asked(config: CheckpointEncoder, name: str) -> bool:
    """Whether embeddings depend on a tensor of a transformer: they do not on a pooler that is left out."""
    return config.pooling == "pooler" or not name.startswith("pooler.")


def _refuse_missing(config: CheckpointEncoder, missing: list[str], others: list[str]) -> None:
    if missing:
        # They would be random, and the embeddings plausible nonsense.
        wrapped = next((name for name in others if name.endswith(f".{missing[0]}")), None)
        remedy = "fetch them again, or the config.json that belongs to them"
        if wrapped is not None:
            remedy = f"take {wrapped.removesuffix(missing[0])!r} off their names, which a wrapper has put there"
        raise UserError(
            f"The weights of {config.source!r} lack {len(missing)} tensors ({missing[0]}, ...) that its config.json "
            f"asks for: {remedy}."
        )


def _refuse_broken(config: CheckpointEncoder, transformer: Any) -> None:
    weights = transformer.state_dict()
    broken = next((name for name in weights if _is_asked(config, name) and not weights[name].isfinite().all()), None)
    if broken is not None:
        raise UserError(
            f"The weights of {config.source!r} hold NaN or infinity (in {broken}): {remedy(config.source)}."
        )


def _taken_pooler(config: CheckpointEncoder, transformer: Any) -> Dense:
    """Takes the pooler out of a transformer, which is a dense layer on the first token."""
    pooler = getattr(transformer, "pooler", None)
    if pooler is None:
        raise UserError(f"The encoder {config.source!r} has no pooler: choose the pooling mean or cls.")
    linear, activation = getattr(pooler, "dense", None), getattr(pooler, "activation", None)
    if not isinstance(linear, nn.Linear) or not isinstance(activation, nn.Tanh):
        raise UserError(
            f"The pooler of {config.source!r} is no dense layer with a tanh: choose the pooling mean or cls."
        )
    transformer.pooler = None
    return Dense(linear, "Tanh")
