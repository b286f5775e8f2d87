"""From ranks to measures per query, and from these to means. Definitions: docs/metrics.md."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.errors import unknown_name
from trainables.evaluation.rank import IntArray, Ranks

MEASURES = ("map", "recall@1", "recall@10")
"""The measures of every evaluation, unless others are asked for."""

KNOWN = ("map", "map@20", "ndcg@10", "recall@10", "mrr@10")

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The relevant candidates of G searches (a query in a pool): sorted by search, then by rank."""

    search: IntArray
    """[n], 0 .. G - 1, each at least once."""
    rank: IntArray
    """[n], from 1."""
    hits: IntArray
    """[n], relevant candidates of the search up to and including this rank."""
    relevant: IntArray
    """[G], relevant candidates of the search."""


@dataclass(frozen=True, eq=False)
class Setting:
    """Values per query (row) of one setting: monolingual, cross-lingual or multilingual."""

    name: str
    query: IntArray
    """[rows]"""
    pool: IntArray | None
    """[rows], language of the pool; None for the pool of all languages."""
    values: dict[str, FloatArray]
    """Per measure [rows]."""


def ranking(search: IntArray, rank: IntArray) -> tuple[IntArray, Ranking]:
    """Groups relevant candidates by `search`; also returns the distinct searches [G], ascending."""
    order = np.lexsort((rank, search))
    names, number, size = np.unique(search[order], return_inverse=True, return_counts=True)
    hits = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size) + 1
    return names, Ranking(number, rank[order], hits, size)


def measure(name: str, found: Ranking) -> FloatArray:
    """The value of a measure for every search, [G]: `map`, `map@k`, `recall@k`, `mrr@k` or `ndcg@k`.

    Raises UserError for another name.
    """
    match = re.fullmatch(r"(map|recall|mrr|ndcg)@([1-9][0-9]*)|map", name)
    if match is None:
        raise unknown_name("measure", name, KNOWN)
    kind, cutoff = match[1] or "map", int(match[2]) if match[2] else None
    gain, best = _gains(kind, found)
    if cutoff is not None:
        gain = np.where(found.rank <= cutoff, gain, 0.0)
    return np.bincount(found.search, weights=gain, minlength=len(found.relevant)) / best(cutoff)
