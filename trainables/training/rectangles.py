"""The texts of a batch in a few rectangles of like length, so that little of what is computed is padding.

>>> lengths = np.array([3, 9, 4, 10])
>>> [rows.tolist() for rows in rectangles(lengths, 2, PassCost(token=1, attention=384, launch=0))]
[[3, 1], [2, 0]]
>>> [rows.tolist() for rows in rectangles(lengths, 2, PassCost(token=1, attention=384, launch=100))]
[[3, 1, 2, 0]]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from trainables.encoders.vocabulary import TrimmedEmbedding

Rows = npt.NDArray[np.int64]
"""The texts of a rectangle as numbers among those of the batch, the longest first."""


@dataclass(frozen=True)
class PassCost:
    """Seconds of a forward and a backward pass over a rectangle.

    A text in w columns costs token · w · (1 + w / attention), and the rectangle `launch` besides.
    """

    token: float
    """Of a token in everything but attention."""
    attention: float
    """The width at which attention costs as much as everything else."""
    launch: float
    """Of a pass beside its tokens: its calls, and a gradient of all weights to be written and added."""

    def of_text(self, width: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The seconds of a text by the width of its rectangle."""
        return self.token * width * (1 + width / self.attention)


@dataclass(frozen=True)
class _Device:
    """What a device reaches in training, as far as the number of rectangles depends on it."""

    operations: float
    """Per second."""
    call: float
    """Seconds per weight matrix or vector for calling what is computed with it, forward and backward."""
    weight: float
    """Seconds per weight for one more gradient of it."""


_DEVICES = {
    # Fitted to one core, with encoders of 1 x 64 to 6 x 384 and 8,000 to 250,000 pieces.
    "cpu": _Device(operations=9e10, call=20e-6, weight=1e-9),
    # From data sheets, in bfloat16: what is called in Python keeps a fast accelerator waiting.
    "cuda": _Device(operations=3e14, call=50e-6, weight=8e-12),
}


def pass_cost(encoder: nn.Module, width: int, device: torch.device) -> PassCost:
    """Estimates from the size of an encoder, whose vectors have `width` components, what a pass costs on a device.

    Every weight outside of embedding tables takes part in 6 operations per token. Attention takes w / (6 · width) times
    as many. A function of these alone, not measured, so that equal trials are computed alike.
    """
    # A table that two modules share, as in T5, counts once, as among all weights.
    tables = {one.weight for one in encoder.modules() if isinstance(one, nn.Embedding | TrimmedEmbedding)}
    weights = list(encoder.parameters())
    trained = sum(one.numel() for one in weights if one.requires_grad)
    body = max(1, sum(one.numel() for one in weights) - sum(one.numel() for one in tables))
    speed = _DEVICES.get(device.type, _DEVICES["cuda"])
    return PassCost(
        token=6 * body / speed.operations,
        attention=6.0 * width,
        launch=speed.call * len(weights) + speed.weight * trained,
    )


def is_worth_packing(encoder: nn.Module, width: int, layers: int) -> bool:
    """Whether a processor is better off with attention text by text than with padding, for texts of everyday length.

    Args:
        encoder: with
        width: components of its vectors, and
        layers: so many layers.
    """
    return pass_cost(encoder, width, torch.device("cpu")).token >= layers * _PACKED_FROM


_PACKED_FROM = 1e-4
"""Seconds of a token in a layer, beyond which the calls of attention for every text weigh less than padding.

Measured on one core, beside the best rectangles, with dropout of attention: with 384 components (1.2e-4) texts of 7 to
14 tokens take 9 % less time, those of 20 to 40 8 %; with 256 (5e-5) 5 % more and 3 % less; with 128 (1.3e-5) 31 % and
13 % more. Without such dropout 11 % less of both; 10 % and 7 % less; 10 % and 9 % more."""


def rectangles(lengths: npt.NDArray[np.integer], most: int, cost: PassCost, multiple_of: int = 1) -> list[Rows]:
    """Returns the cheapest division of texts into rectangles, each as wide as its longest text.

    Exact: some best division keeps the order of the lengths, and of those the best is found by dynamic programming over
    the distinct lengths.

    Args:
        lengths: [n], tokens per text, at least one text.
        most: largest number of rectangles.
        cost: what a rectangle costs.
        multiple_of: widths are rounded up to a multiple of it.
    """
    order = np.argsort(-lengths, kind="stable")
    widths, counts = np.unique(-(-lengths // multiple_of) * multiple_of, return_counts=True)
    widths, counts = widths[::-1].astype(np.int64), counts[::-1]
    ends = np.concatenate([[0], np.cumsum(counts)])
    # [i, j]: the cost of one rectangle of the texts of widths i to j, infinite where j comes before i.
    one = np.maximum(ends[None, 1:] - ends[:-1, None], 0) * cost.of_text(widths)[:, None] + cost.launch
    one[np.tril_indices(len(widths), -1)] = np.inf
    best, firsts = one[0], []
    for _ in range(1, min(most, len(widths))):
        # The last rectangle starts at width i, those before it end at i - 1.
        through = np.concatenate([[np.inf], best[:-1]])[:, None] + one
        first = through.argmin(axis=0)
        found = through[first, np.arange(len(widths))]
        if found[-1] >= best[-1]:
            break
        firsts.append(first)
        best = found
    cuts, last = [], len(widths) - 1
    for first in reversed(firsts):
        start = int(first[last])
        cuts.append(int(ends[start]))
        last = start - 1
    return np.split(order, cuts[::-1])


def chunks_of_rectangles(
    lengths: npt.NDArray[np.integer], chunks: int, most: int, cost: PassCost, multiple_of: int = 1
) -> list[list[Rows]]:
    """Divides texts into chunks of about equal cost and like length, and each into at most `most` rectangles.

    Args:
        lengths: [n], tokens per text.
        chunks: largest number of chunks; none is empty, so that there may be fewer.
        most: largest number of rectangles of a chunk.
        cost: what a rectangle costs.
        multiple_of: widths are rounded up to a multiple of it.
    """
    parts = [part for part in _chunks(lengths, chunks, cost) if len(part)]
    return [[part[rows] for rows in rectangles(lengths[part], most, cost, multiple_of)] for part in parts]


def equally_many(
    shares: Sequence[npt.NDArray[np.integer]], own: int, chunks: int, most: int, cost: PassCost, multiple_of: int = 1
) -> list[list[Rows]]:
    """Divides the texts of one of several workers so that all have as many chunks, each with as many rectangles.

    A chunk has the most rectangles that a worker would have chosen alone; who would have chosen fewer halves its
    largest.

    Args:
        shares: tokens per text, of every worker.
        own: whose texts are divided.
        chunks: largest number of chunks; as many as the smallest share has texts at most.
        most: largest number of rectangles of a chunk.
        cost: what a rectangle costs.
        multiple_of: widths are rounded up to a multiple of it.
    """
    chunks = min(chunks, *(len(lengths) for lengths in shares))
    divided = []
    for parts in zip(*(_none_empty(_chunks(lengths, chunks, cost)) for lengths in shares), strict=True):
        limit = min(most, *(len(part) for part in parts))
        found = [
            [part[rows] for rows in rectangles(lengths[part], limit, cost, multiple_of)]
            for lengths, part in zip(shares, parts, strict=True)
        ]
        divided.append(_halved(found[own], max(map(len, found))))
    return divided


def _chunks(lengths: npt.NDArray[np.integer], chunks: int, cost: PassCost) -> list[Rows]:
    """Texts in chunks of about equal cost, the longest first; some may be empty where there are fewer than texts."""
    order = np.argsort(-lengths, kind="stable")
    if chunks >= len(order):
        return np.split(order, np.arange(1, len(order)))
    costs = cost.of_text(lengths[order])
    middles = np.cumsum(costs) - costs / 2
    cuts = np.searchsorted(middles, costs.sum() * np.arange(1, chunks) / chunks)
    return np.split(order, cuts)


def _none_empty(parts: list[Rows]) -> list[Rows]:
    """The same texts in the same order and as many parts, each with a text at least; there are as many texts."""
    count, rows = len(parts), np.concatenate(parts)
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    for place in range(count - 1):
        least = cuts[place - 1] + 1 if place else 1
        cuts[place] = min(max(cuts[place], least), len(rows) - (count - 1 - place))
    return np.split(rows, cuts)


def _halved(found: list[Rows], count: int) -> list[Rows]:
    """So many rectangles, by halving the one with the most texts again and again."""
    found = list(found)
    while len(found) < count:
        place = max(range(len(found)), key=lambda one: len(found[one]))
        middle = len(found[place]) // 2
        found[place : place + 1] = [found[place][:middle], found[place][middle:]]
    return found
