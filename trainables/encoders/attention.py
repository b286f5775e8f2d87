"""Attention that is asked for without a look at what is in its masks, over padded texts and over packed ones."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from trainables.encoders.model import Encoder
from trainables.encoders.packing import ATTENTION

_MULTIPLE = 8
"""Of the width of a head, for the kernels of flash attention."""


def attend_without_waiting(encoder: Encoder) -> None:
    """Makes the transformer of an encoder build its masks whatever they hold, and take packed texts; vectors stay.

    The masks of `transformers` ask whether there is any padding, to leave the mask out where there is none. On an
    accelerator the answer comes when all that was asked for before is done, and so each forward pass would begin with
    an empty queue. A rectangle without any padding is rare, and its mask costs little.
    """
    for transformer in encoder.transformers:
        if transformer.config._attn_implementation == "sdpa":
            transformer.set_attn_implementation(ATTENTION)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int = 0,
    **options: Any,
) -> tuple[Tensor, None]:
    """[1, T, heads, d] for queries [1, heads, T, d], keys and values with as many heads or fewer, of packed texts."""
    if cu_seq_lens_q is None:
        found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return found
    # Rotations of positions are computed in float32.
    rows = [one[0].transpose(0, 1).to(value.dtype) for one in (query, key, value)]
    attend = _by_flash if value.is_cuda else one_by_one
    vectors = attend(
        rows,
        cu_seq_lens_q,
        max_length_q,
        options.get("dropout", 0.0),
        options["is_causal"],
        options.get("scaling"),
        options.get("sliding_window"),
    )
    return vectors.unsqueeze(0), None


def _by_flash(
    rows: Sequence[Tensor],
    starts: Tensor,
    longest: int,
    dropout: float,
    is_causal: bool,
    scale: float | None,
    window: int | None,
) -> Tensor:
    width = rows[0].shape[-1]
    # Zeros behind every head change no product.
    query, key, value = (pad(one, (0, -width % _MULTIPLE)) for one in rows)
    # The kernel behind scaled_dot_product_attention and torch.nn.attention.varlen, of which neither takes both lengths
    # and dropout.
    found: Tensor = torch.ops.aten._flash_attention_forward(
        query,
        key,
        value,
        starts,
        starts,
        longest,
        longest,
        dropout,
        is_causal,
        False,
        scale=scale,
        window_size_left=None if window is None else window - 1,
        window_size_right=None if window is None else 0 if is_causal else window - 1,
    )[0]
    return found[..., :width]


def one_by_one(
    rows: Sequence[Tensor],
    starts: Tensor,
    longest: int,
    dropout: float,
    is_causal: bool,
    scale: float | None,
    window: int | None,
) -> Tensor:
    """[T, heads, d] for queries, keys and values of packed texts, text by text, where there is no kernel for all.

    Args:
        rows: queries [T, heads, d], keys and values with as many heads or fewer.
        starts: [B + 1], of every text, and where the last one ends.
        longest: no text has more tokens.
        dropout: share of the weights of attention that is dropped.
        is_causal: whether a token attends to those before it alone.
        scale: of the products.
        window: tokens nearer than this are attended to; None: all.
    """
    mask = mask_of(longest, is_causal, window, rows[0])
    sizes = starts.diff().tolist()
    texts = zip(*(one.split(sizes) for one in rows), strict=True)
    return torch.cat([attended([one.unsqueeze(0) for one in text], mask, dropout, scale)[0] for text in texts])


def mask_of(longest: int, is_causal: bool, window: int | None, like: Tensor) -> Tensor | None:
    """[W, W], what is added to the products of the tokens of a text, typed `like` them; None: nothing."""
    if window is None and not is_causal:
        return None
    place = torch.arange(longest, device=like.device)
    distance = place.unsqueeze(1) - place
    seen = distance >= 0 if is_causal else distance.abs() < longest
    if window is not None:
        seen &= distance.abs() < window
    # Of true and false every text would keep such numbers of its own.
    return like.new_zeros(seen.shape).masked_fill_(~seen, -torch.inf)


def attended(texts: Sequence[Tensor], mask: Tensor | None, dropout: float, scale: float | None) -> Tensor:
    """[B, T, heads, d] for queries, keys and values of B texts of T tokens, shaped alike."""
    # The fused kernel of a processor takes four dimensions only.
    query, key, value = (one.transpose(1, 2) for one in texts)
    size = query.shape[2]
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        None if mask is None else mask[:size, :size],
        dropout_p=dropout,
        scale=scale,
        enable_gqa=key.shape[1] < query.shape[1],
    ).transpose(1, 2)


def _mask(
    *,
    attention_mask: Any = None,
    allow_is_causal_skip: bool = True,
    allow_is_bidirectional_skip: bool = False,
    **others: Any,
) -> Any:
    is_known = attention_mask is None
    return sdpa_mask(
        attention_mask=attention_mask,
        allow_is_causal_skip=allow_is_causal_skip and is_known,
        allow_is_bidirectional_skip=allow_is_bidirectional_skip and is_known,
        **others,
    )


AttentionInterface.register(ATTENTION, _attention)
AttentionMaskInterface.register(ATTENTION, _mask)
