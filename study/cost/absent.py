"""Planning with a preset whose checkpoint is not on this machine: its size is a fact, its tokenizer is stood in for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.encoders.base import EncoderConfig
from trainables.encoders.checkpoint import FACTS, CheckpointEncoder
from trainables.encoders.hub_copy import is_cached
from trainables.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PIECES = 32_000
"""Of a stand-in, at most."""


def is_here(encoder: EncoderConfig) -> bool:
    """Whether an encoder can be built without fetching weights, or is none of which a plan can be made without them."""
    if not isinstance(encoder, CheckpointEncoder) or encoder.source not in FACTS:
        return True
    return Path(encoder.source).is_absolute() or is_cached(encoder.source, encoder.revision)


def tokenizer_or_stand_in(encoder: EncoderConfig, texts: Sequence[str]) -> "PreTrainedTokenizerBase":
    """Returns the tokenizer of an encoder, or one trained on the texts if that of a preset cannot be had.

    Raises UserError if the tokenizer of another encoder cannot be had.
    """
    from trainables.encoders.tokenizer import train_tokenizer

    try:
        return encoder.tokenizer(texts)
    except UserError:
        if is_here(encoder):
            raise
        return train_tokenizer(texts, _PIECES)
