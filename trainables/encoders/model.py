"""The encoder: a transformer, a pooling, what follows it, and vectors of length one."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import normalize, pad
from transformers import PreTrainedTokenizerBase

from trainables.encoders.adapters import without_adapters
from trainables.encoders.base import LONGEST, EncoderConfig, pooling_modes
from trainables.encoders.export import Part, layer_parts, pooling_part, router_part, write_length, write_modules
from trainables.encoders.folder import position_capacity, write_settings
from trainables.encoders.image_config import FOLDER
from trainables.encoders.image_tower import ImageTower
from trainables.encoders.layers import Dense, first_components
from trainables.encoders.module_list import DOCUMENT, QUERY, STATIC
from trainables.encoders.packing import Packing, can_pack
from trainables.encoders.pooling import moved_to_the_front, pool
from trainables.encoders.quiet import quiet
from trainables.encoders.token_vectors import TokenVectors
from trainables.encoders.tokenizer import of_passages, save_plain_tokenizer
from trainables.errors import UserError

_KNOWN = ("torch.", "transformers.", "peft.", "trainables.")
"""Where modules are from that keep to the texts of a row if their transformer does, and look up ids as they should."""


class Encoder(nn.Module):
    """Token ids to unit vectors; their dot product is the cosine similarity."""

    def __init__(self, transformer: Any, config: EncoderConfig, layers: Iterable[nn.Module] = ()) -> None:
        super().__init__()
        self.transformer: Any = transformer
        self.config = config
        self.layers = nn.ModuleList(layers)
        """What follows the pooling; the pooler is its first."""

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of the pooling, in the order in which their vectors are put one behind the other."""
        return ("cls",) if self.config.pooling == "pooler" else pooling_modes(self.config.pooling)

    @property
    def sides(self) -> "tuple[Encoder, Encoder]":
        """What encodes queries and what encodes passages; for ids of their own where these are two."""
        return self, self

    @property
    def transformers(self) -> list[Any]:
        """Every transformer of texts, once."""
        return list({id(side.transformer): side.transformer for side in self.sides}.values())

    def tables(self, pieces: npt.NDArray[np.int64]) -> list[tuple[Any, npt.NDArray[np.int64]]]:
        """Every one of `transformers` with those of some ascending token ids, as it numbers them, that it may read."""
        return [(self.transformer, pieces)]

    @property
    def uncut_dimension(self) -> int:
        """The number of components of an embedding of which all are kept."""
        pooled = len(self.modes) * int(self.transformer.config.hidden_size)
        last = next((layer for layer in reversed(self.layers) if isinstance(layer, Dense)), None)
        return pooled if last is None else last.linear.out_features

    @property
    def dimension(self) -> int:
        """The number of components of an embedding."""
        return min(self.uncut_dimension, self.config.dimensions or self.uncut_dimension)

    @property
    def parameter_count(self) -> int:
        """All parameters, the token embeddings among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def can_pack(self) -> bool:
        """Whether texts may be given without their padding."""
        # Code that is not known may do anything with what it is given.
        is_ours = type(self).forward is Encoder.forward and not isinstance(self.transformer, TokenVectors)
        return is_ours and self.is_known and can_pack(self.transformer.config)

    @property
    def is_known(self) -> bool:
        """Whether its transformers are made of nothing but code that this project knows."""
        modules = (module for transformer in self.transformers for module in transformer.modules())
        return all(type(module).__module__.startswith(_KNOWN) for module in modules)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, packing: Packing | None = None
    ) -> torch.Tensor:
        """Returns float32 [B, d] of length one for int64 ids [B, T] and a mask [B, T] (true where there is a token).

        A text's vector depends neither on the other texts of the batch nor on the side of the padding. A mask of
        integers may leave tokens out of the pooling (`pooling.PROMPT`). With a `packing`, for padding that stands
        behind, the transformer computes nothing for padding.
        """
        vectors = self._pooled(*moved_to_the_front(input_ids, attention_mask), packing)
        for layer in self.layers:
            vectors = layer(vectors)
        return normalize(vectors[:, : self.config.dimensions].float(), dim=-1)

    def _pooled(self, ids: torch.Tensor, mask: torch.Tensor, packing: Packing | None) -> torch.Tensor:
        """[B, d] in front of what follows the pooling."""
        if isinstance(self.transformer, TokenVectors):
            means: torch.Tensor = self.transformer(ids, mask > 0)
            return means
        if packing is None:
            states = self.transformer(input_ids=ids, attention_mask=mask > 0).last_hidden_state.float()
        else:
            states = packing.states(self.transformer, ids, getattr(self.config, "attention", None) == "causal")
        return pool(self.modes, states, mask)


def encoder_of(
    transformer: Any, config: EncoderConfig, tokenizer: PreTrainedTokenizerBase, layers: Iterable[nn.Module] = ()
) -> Encoder:
    """Returns a transformer as an encoder in training mode; raises UserError if it does not fit its tokenizer."""
    settings = transformer.config
    if getattr(settings, "vocab_size", None) is None:
        raise UserError(
            f"The encoder {config.name!r} has no vocabulary (its model_type is {settings.model_type}): "
            "give a model that encodes text."
        )
    if len(tokenizer) > settings.vocab_size:
        raise UserError(
            f"The tokenizer of {config.name!r} has {len(tokenizer)} tokens, its model only {settings.vocab_size}: "
            "give the tokenizer that belongs to the model."
        )
    capacity = position_capacity(settings.to_dict())
    longest = max(config.max_query_length, config.max_passage_length)
    if capacity is not None and longest > capacity:
        raise UserError(
            f"The encoder {config.name!r} can number {capacity} tokens, but a length of {longest} is asked for: "
            f"set the maximal lengths to at most {capacity}."
        )
    encoder = Encoder(transformer, config, layers).train()
    _check_widths(encoder)
    return encoder


def moved_by_padding(encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a text has another vector where padding stands behind it. The encoder stays in the mode it is in."""
    ids = torch.tensor([tokenizer("a text of some words")["input_ids"]])
    mask = torch.ones_like(ids, dtype=torch.bool)
    training = encoder.training
    encoder.eval()
    with torch.no_grad():
        alone = encoder(ids, mask)
        padded = encoder(pad(ids, (0, _PADDING), value=tokenizer.pad_token_id), pad(mask, (0, _PADDING)))
    encoder.train(training)
    return bool((alone - padded).abs().max() > _ROUNDING)


_PADDING, _ROUNDING = 11, 1e-4


def _check_widths(encoder: Encoder) -> None:
    width = len(encoder.modes) * int(encoder.transformer.config.hidden_size)
    for layer in encoder.layers:
        if isinstance(layer, Dense):
            if layer.linear.in_features != width:
                raise UserError(
                    f"The encoder {encoder.config.name!r} has vectors of {width} components where its dense layer "
                    f"reads {layer.linear.in_features}: choose the pooling that the checkpoint declares, or no layers."
                )
            width = layer.linear.out_features


def save_encoder(encoder: Encoder, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes safetensors weights, tokenizer and settings; `resolve_encoder(folder)` gives the same embeddings again.

    So does sentence-transformers, with the same embeddings: `SentenceTransformer(folder)`. Of adapters nothing else is
    written, where their model can be found again by its name.
    """
    parts = _parts(encoder, tokenizer)
    if encoder.config.has_modules:
        write_modules(folder, parts, encoder.config)
    else:
        parts[0].write(folder)
    if isinstance(tower := getattr(encoder, "tower", None), ImageTower):
        tower.save(folder / FOLDER)
    # The pooler has become a layer, and what has routes has a pooling on each of them.
    own = {} if encoder.config.has_routes else {"pooling": "+".join(encoder.modes)}
    write_settings({**encoder.config.model_dump(), **own}, folder)


def _parts(encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> list[Part]:
    """The modules that an encoder is for sentence-transformers."""
    if not encoder.config.has_routes:
        return _parts_of_side(encoder, tokenizer, _longest(encoder))
    longest = [_longest(side) for side in encoder.sides]
    if len(encoder.transformers) == 1:
        longest = [max(longest)] * 2
    tokenizers = tokenizer, of_passages(tokenizer)
    sides = zip((QUERY, DOCUMENT), encoder.sides, tokenizers, longest, strict=True)
    routes = {route: _parts_of_side(side, one, length) for route, side, one, length in sides}
    # Each of them ends by scaling its vectors.
    scaling = [parts.pop() for parts in routes.values()]
    return [router_part(routes, getattr(encoder.config, "default_route", DOCUMENT)), scaling[0]]


def _parts_of_side(encoder: Encoder, tokenizer: PreTrainedTokenizerBase, longest: int) -> list[Part]:
    """Those that a text of up to so many tokens goes through."""
    layers = list(encoder.layers)
    if encoder.dimension < encoder.uncut_dimension:
        # As a layer, since `truncate_dim` would cut vectors that are scaled already.
        layers.append(first_components(encoder.uncut_dimension, encoder.dimension))
    transformer = encoder.transformer
    if isinstance(transformer, TokenVectors):
        table = Part(STATIC, lambda folder: _save_table(transformer, tokenizer, folder, longest), transformer)
        return [table, *layer_parts(layers)]
    width = int(transformer.config.hidden_size)
    return [
        Part("Transformer", lambda folder: _save_transformer(encoder, tokenizer, folder, longest), transformer),
        pooling_part(encoder.modes, width, pools_prompt=encoder.config.pools_prompt),
        *layer_parts(layers),
    ]


def _save_transformer(encoder: Encoder, tokenizer: PreTrainedTokenizerBase, folder: Path, longest: int) -> None:
    transformer = encoder.transformer
    if not encoder.config.keeps_adapters:
        transformer = without_adapters(deepcopy(transformer))
    with quiet():
        transformer.save_pretrained(folder)
    # A card with nothing filled in, which is left with adapters.
    (folder / "README.md").unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)
    if encoder.config.has_modules:
        write_length(folder, longest)


def _save_table(table: TokenVectors, tokenizer: PreTrainedTokenizerBase, folder: Path, longest: int) -> None:
    table.save_pretrained(folder)
    save_plain_tokenizer(tokenizer, folder, longest if longest < LONGEST else None)


def _longest(encoder: Encoder) -> int:
    return max(encoder.config.max_query_length, encoder.config.max_passage_length)
