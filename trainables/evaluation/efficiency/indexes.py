"""The FAISS indexes that are measured, behind one small face. All search by dot product, on one thread.

>>> vectors = np.eye(4, dtype=np.float32)
>>> index = Index(FLAT, vectors, np.array([2, 0, 3, 1]), EfficiencyConfig())
>>> found = index.search(vectors[:1], 1)
>>> found.candidates.tolist(), found.distances
([[0]], 4.0)
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.registry import Registry

FEW = 4096
"""Vectors of an index that is built anew whenever it is timed."""

_POINTS_PER_CENTROID = 39
"""Fewer points than that for a centroid are too few, says FAISS."""

_FAISS: Any = faiss
"""Its types do not name all that it has."""

_DOT_PRODUCT = faiss.METRIC_INNER_PRODUCT


@dataclass(frozen=True)
class IndexKind:
    """A kind of index: how it is built, and what of it is set when it is searched."""

    name: str
    label: str
    build: Callable[[int, int, EfficiencyConfig], faiss.Index]
    """Returns an empty index for vectors of so many components, and so many of them."""
    setting: str = ""
    """What trades recall for time; empty: nothing."""
    parameters: Callable[[int], Any] | None = None
    largest: Callable[[Any], int] = lambda index: 1
    """The largest sensible setting."""
    distances: Callable[[Any, int], float] = lambda index, queries: float(index.ntotal)
    """Distance computations per query of the search of so many queries that has just ended."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search of Q queries returned."""

    candidates: IntArray
    """[Q, k], -1 where fewer were found."""
    distances: float
    """Distance computations per query."""


class Index:
    """An index of one kind that holds vectors, inserted in a given order.

    Args:
        kind: the kind.
        vectors: float32 [n, d].
        order: [n], a permutation: which is inserted when.
        config: how indexes are built.
    """

    def __init__(
        self, kind: IndexKind, vectors: ScoreArray, order: npt.NDArray[np.integer], config: EfficiencyConfig
    ) -> None:
        self.kind, self._vectors, self._order, self._config = kind, vectors, order, config
        inserted = np.ascontiguousarray(vectors[order])
        started = time.perf_counter()
        self._index = kind.build(vectors.shape[1], len(vectors), config)
        self._index.train(inserted)
        self._index.add(inserted)
        self.build_seconds = time.perf_counter() - started
        self.largest = kind.largest(self._index)

    def to_time(self) -> "Index":
        """The same index, in other memory if it is small: how fast such a one is searched depends, by up to a half, on
        where it has come to lie. How many vectors it holds decides, which is the same for every encoder."""
        return self if len(self._vectors) > FEW else Index(self.kind, self._vectors, self._order, self._config)

    @property
    def size(self) -> int:
        """Bytes of the index as a file."""
        written = 0

        def count(content: bytes) -> int:
            nonlocal written
            written += len(content)
            return len(content)

        faiss.write_index(self._index, _FAISS.PyCallbackIOWriter(count))
        return written

    def search(self, queries: ScoreArray, neighbours: int, setting: int | None = None) -> Found:
        """Searches queries float32 [Q, d] for their nearest candidates."""
        _FAISS.cvar.hnsw_stats.reset()
        _FAISS.cvar.indexIVF_stats.reset()
        found = self._found(queries, neighbours, setting)
        return Found(np.where(found < 0, -1, self._order[found]), self.kind.distances(self._index, len(queries)))

    def milliseconds(self, queries: ScoreArray, neighbours: int, setting: int | None = None) -> npt.NDArray[np.float64]:
        """Returns the time of every query searched alone, [Q], after one that does not count."""
        self._found(queries[:1], neighbours, setting)
        times = np.empty(len(queries))
        for query in range(len(queries)):
            started = time.perf_counter()
            self._found(queries[query : query + 1], neighbours, setting)
            times[query] = time.perf_counter() - started
        return 1000 * times

    def _found(self, queries: ScoreArray, neighbours: int, setting: int | None) -> IntArray:
        if setting is None or self.kind.parameters is None:
            found: IntArray = self._index.search(queries, neighbours)[1]
        else:
            found = self._index.search(queries, neighbours, params=self.kind.parameters(setting))[1]
        return found


def _hnsw(dimension: int, count: int, config: EfficiencyConfig) -> faiss.Index:
    index = faiss.IndexHNSWFlat(dimension, config.links, _DOT_PRODUCT)
    index.hnsw.efConstruction = config.construction
    return index


def _ivf(dimension: int, count: int, config: EfficiencyConfig) -> faiss.Index:
    lists = max(1, min(round(4 * math.sqrt(count)), count // _POINTS_PER_CENTROID))
    # The index keeps the list of centroids alive by itself.
    return faiss.index_factory(dimension, f"IVF{lists},Flat", _DOT_PRODUCT)


def _pq(dimension: int, count: int, config: EfficiencyConfig) -> faiss.Index:
    # Four components share a code of one byte, less where there are too few vectors to choose 256 centroids from.
    parts = next(parts for parts in range(max(1, dimension // 4), 0, -1) if dimension % parts == 0)
    bits = min(8, int(math.log2(max(2, count // _POINTS_PER_CENTROID))))
    return faiss.IndexPQ(dimension, parts, bits, _DOT_PRODUCT)


def _int8(dimension: int, count: int, config: EfficiencyConfig) -> faiss.Index:
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, _DOT_PRODUCT)


FLAT = IndexKind("flat", "exact", lambda dimension, count, config: faiss.IndexFlatIP(dimension))

HNSW = IndexKind(
    "hnsw",
    "HNSW",
    _hnsw,
    setting="ef",
    parameters=lambda ef: _FAISS.SearchParametersHNSW(efSearch=ef),
    largest=lambda index: int(index.ntotal),
    distances=lambda index, queries: float(_FAISS.cvar.hnsw_stats.ndis / queries),
)

IVF = IndexKind(
    "ivf",
    "IVF",
    _ivf,
    setting="nprobe",
    parameters=lambda lists: _FAISS.SearchParametersIVF(nprobe=lists),
    largest=lambda index: int(index.nlist),
    # The centroids are compared first.
    distances=lambda index, queries: float(index.nlist + _FAISS.cvar.indexIVF_stats.ndis / queries),
)

INDEXES: Registry[IndexKind] = Registry(
    "kind of index",
    lambda kind: kind.name,
    (FLAT, HNSW, IVF, IndexKind("pq", "PQ", _pq), IndexKind("int8", "int8", _int8)),
)
"""In the order of tables and figures."""
