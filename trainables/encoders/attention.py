"""Attention masks that are made without a look at what is in them, so that an accelerator need not be waited for."""

from typing import Any

from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from trainables.encoders.model import Encoder

NAME = "sdpa_without_waiting"


def mask_without_waiting(encoder: Encoder) -> None:
    """Makes the transformer of an encoder build its masks whatever they hold; its vectors stay the same.

    The masks of `transformers` ask whether there is any padding, to leave the mask out where there is none. On an
    accelerator the answer comes when all that was asked for before is done, and so each forward pass would begin with
    an empty queue. A rectangle without any padding is rare, and its mask costs little.
    """
    if encoder.transformer.config._attn_implementation == "sdpa":
        encoder.transformer.set_attn_implementation(NAME)


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


AttentionInterface.register(NAME, sdpa_attention_forward)
AttentionMaskInterface.register(NAME, _mask)
