"""From the vectors of a text's tokens to one vector, by the modes of sentence-transformers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

PROMPT = 2
"""Where a mask holds this there is a token of the prompt that is read but not pooled; 1 is any other token, 0 none."""


def moved_to_the_front(input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Returns ids and mask [B, T] with the padding of every row behind its tokens, on whichever side it was.

    A position then means the same for every text, whatever stands beside it in its batch.
    """
    width = mask.shape[1]
    first = (mask > 0).to(torch.int8).argmax(1, keepdim=True)
    columns = (torch.arange(width, device=mask.device) + first) % width
    return input_ids.gather(1, columns), mask.gather(1, columns)


@dataclass(frozen=True)
class _Tokens:
    """The tokens of B texts, padded behind."""

    vectors: Tensor
    """[B, T, d]"""
    pooled: Tensor
    """[B, T, 1], 1 where a token is pooled."""
    lengths: Tensor
    """[B, 1], tokens that are read."""


def pool(modes: tuple[str, ...], vectors: Tensor, mask: Tensor) -> Tensor:
    """Returns one vector per text, [B, m * d]: those of the m modes one behind the other.

    Args:
        modes: of `base.PoolingMode`, without the pooler.
        vectors: [B, T, d] of the tokens, float32.
        mask: [B, T] as in `PROMPT`, padding behind. A text that is all prompt is pooled as if it were none.
    """
    read = mask > 0
    left_out = mask == PROMPT
    wanted = read & ~left_out
    wanted = torch.where(wanted.any(1, keepdim=True), wanted, read)
    tokens = _Tokens(vectors, wanted.unsqueeze(-1).to(vectors.dtype), read.sum(1, keepdim=True))
    return torch.cat([_MODES[mode](tokens) for mode in modes], dim=-1)


def _mean(tokens: _Tokens) -> Tensor:
    return (tokens.vectors * tokens.pooled).sum(1) / tokens.pooled.sum(1)


def _mean_sqrt_len(tokens: _Tokens) -> Tensor:
    return (tokens.vectors * tokens.pooled).sum(1) / tokens.pooled.sum(1).sqrt()


def _weighted_mean(tokens: _Tokens) -> Tensor:
    # A prompt that is not pooled keeps its places: the first token behind it does not weigh 1.
    places = torch.arange(1, tokens.vectors.shape[1] + 1, device=tokens.vectors.device).unsqueeze(-1)
    weights = tokens.pooled * places
    return (tokens.vectors * weights).sum(1) / weights.sum(1)


def _max(tokens: _Tokens) -> Tensor:
    return tokens.vectors.masked_fill(tokens.pooled == 0, -torch.inf).amax(1)


def _first(tokens: _Tokens) -> Tensor:
    return _at(tokens.vectors, tokens.pooled.argmax(1))


def _last(tokens: _Tokens) -> Tensor:
    return _at(tokens.vectors, tokens.lengths - 1)


def _at(vectors: Tensor, places: Tensor) -> Tensor:
    """[B, d], of every text the token at its place [B, 1]."""
    return vectors.gather(1, places.unsqueeze(-1).expand(-1, 1, vectors.shape[-1])).squeeze(1)


_MODES: Mapping[str, Callable[[_Tokens], Tensor]] = {
    "mean": _mean,
    "mean_sqrt_len": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "max": _max,
    "cls": _first,
    "lasttoken": _last,
}
