"""The encoder: a transformer, a pooling, and vectors of length one."""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerBase

from trainables.encoders.base import EncoderConfig
from trainables.encoders.folder import position_capacity, write_settings
from trainables.encoders.quiet import quiet
from trainables.errors import UserError


class Encoder(torch.nn.Module):
    """Token ids to unit vectors; their dot product is the cosine similarity."""

    def __init__(self, transformer: Any, config: EncoderConfig) -> None:
        super().__init__()
        self.transformer: Any = transformer
        self.config = config

    @property
    def dimension(self) -> int:
        """The number of components of an embedding."""
        return int(self.transformer.config.hidden_size)

    @property
    def parameter_count(self) -> int:
        """All parameters, the token embeddings among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Returns float32 [B, d] of length one for int64 ids [B, T] and a mask [B, T] (true where there is a token).

        A text's vector does not depend on the other texts of the batch.
        """
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        if self.config.pooling == "pooler":
            pooled = output.pooler_output.float()
        elif self.config.pooling == "cls":
            pooled = output.last_hidden_state[:, 0].float()
        else:
            weights = attention_mask.unsqueeze(-1).float()
            # The mean needs no division: the length is normalised away.
            pooled = (output.last_hidden_state.float() * weights).sum(1)
        return normalize(pooled, dim=-1)


def encoder_of(transformer: Any, config: EncoderConfig, tokenizer: PreTrainedTokenizerBase) -> Encoder:
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
    return Encoder(transformer.train(), config)


def save_encoder(encoder: Encoder, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes safetensors weights, tokenizer and settings; `resolve_encoder(folder)` gives the same embeddings again."""
    with quiet():
        encoder.transformer.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_settings(encoder.config.model_dump(), folder)
