"""Texts one behind the other in one row: without padding, and with one call of every layer for all of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainables.encoders.folder import lengths_that_turn

ATTENTION = "sdpa_without_waiting"
"""The name, for `transformers`, of attention that keeps to the texts of a row (attention.py)."""

_NUMBERED_FROM_ZERO = frozenset(("bert", "modernbert", "qwen2", "qwen3", "llama", "mistral", "gemma"))
_NUMBERED_BEHIND_PADDING = frozenset(("xlm-roberta", "xlm-roberta-xl"))
"""Values of model_type whose layers tell tokens apart by the numbers and the boundaries that they are given."""

_WIDEST_HEAD = 256
"""That the kernels of flash attention take."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Where the tokens of B texts stand that are padded to W columns, all padding behind."""

    places: Tensor
    """[T], of every token in the B · W of the padded texts, int64."""
    starts: Tensor
    """[B + 1], of every text in the row, and where the last one ends, int32."""
    longest: int
    """No text has more tokens."""

    @classmethod
    def of(cls, lengths: npt.NDArray[np.integer], width: int) -> "Packing":
        """Returns the packing of texts of so many tokens, padded to `width`, on the CPU."""
        starts = np.concatenate([[0], np.cumsum(lengths)])
        row = np.repeat(np.arange(len(lengths)), lengths)
        places = row * width + np.arange(starts[-1]) - starts[row]
        return cls(torch.from_numpy(places.astype(np.int64)), torch.from_numpy(starts.astype(np.int32)), width)

    def states(self, transformer: Any, ids: Tensor, is_causal: bool) -> Tensor:
        """Returns the vectors of all tokens, float32 [B, W, d], zero where there is padding.

        Args:
            transformer: one that `can_pack`, with `ATTENTION`.
            ids: [B, W], padding behind.
            is_causal: whether a token attends to those before it alone.
        """
        if transformer.config._attn_implementation != ATTENTION:
            raise ValueError("attention would not keep to the texts of a row: call attend_without_waiting first")
        output = transformer(
            input_ids=self._row(ids),
            position_ids=self._row(_positions(ids, transformer.config)),
            # One that is made already is taken as it is: no mask is built.
            attention_mask=torch.ones((1, 1, 1, 1), dtype=torch.bool, device=ids.device),
            is_causal=is_causal,
            # Names of `transformers` for attention without padding.
            cu_seq_lens_q=self.starts,
            max_length_q=self.longest,
        )
        vectors: Tensor = output.last_hidden_state[0].float()
        padded: Tensor = vectors.new_zeros((ids.numel(), vectors.shape[1])).index_copy(0, self.places, vectors)
        return padded.view(*ids.shape, vectors.shape[1])

    def _row(self, padded: Tensor) -> Tensor:
        return padded.flatten().index_select(0, self.places).unsqueeze(0)


def can_pack(settings: Any) -> bool:
    """Whether a transformer of such a configuration of `transformers` gives packed texts the vectors of padded ones."""
    width = getattr(settings, "head_dim", None) or settings.hidden_size // settings.num_attention_heads
    # A decoder that is made to attend to both sides has wider windows than it tells its layers.
    widened = getattr(settings, "is_causal", True) is False and getattr(settings, "sliding_window", None) is not None
    # An encoder that is made a decoder attends to one side, and its configuration is all that says so.
    looks_back = getattr(settings, "is_decoder", False)
    return bool(
        settings.model_type in _NUMBERED_FROM_ZERO | _NUMBERED_BEHIND_PADDING
        and settings._attn_implementation.startswith("sdpa")
        and width <= _WIDEST_HEAD
        and not widened
        and not looks_back
        and not any(lengths_that_turn(settings.to_dict()))
    )


def _positions(ids: Tensor, settings: Any) -> Tensor:
    """[B, W], the numbers that a model gives to tokens by itself."""
    if settings.model_type in _NUMBERED_BEHIND_PADDING:
        numbered = ids != settings.pad_token_id
        found: Tensor = numbered.cumsum(1) * numbered + settings.pad_token_id
        return found
    return torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
