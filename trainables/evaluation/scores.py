"""Scores of queries against candidates, tile by tile, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import ScoreArray

if TYPE_CHECKING:
    import torch

Embeddings: TypeAlias = "npt.NDArray[np.float32] | torch.Tensor"
"""Float [n, d], as a NumPy array or as a torch tensor on any device."""

BLOCK_BYTES = 64 * 2**20
"""Size of a tile of scores: large enough for a matrix product at full speed, small beside the embeddings."""

TILE_COLUMNS = 2**15
"""Candidates of a tile: so many that looking at the scores of one query is more work than calling for it."""

_KEYED_ROWS = 2**12

_LINE = 16
"""Scores in a line of a processor's cache."""


def checked(queries: Embeddings, candidates: Embeddings) -> tuple[Embeddings, Embeddings]:
    """Returns both as float32 [Q, d] and [C, d].

    Raises ValueError for shapes that do not fit, NaN, infinite values, and vectors so long that a score would overflow.
    """
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"Query embeddings of shape {tuple(queries.shape)} do not fit candidate embeddings of shape "
            f"{tuple(candidates.shape)}: both must be two-dimensional with the same second dimension."
        )
    queries, candidates = _float32(queries), _float32(candidates)
    longest = _longest(queries, "query") * _longest(candidates, "candidate")
    # By Cauchy-Schwarz no partial sum of a dot product is longer than this.
    if longest >= float(np.finfo(np.float32).max):
        raise ValueError(f"Scores up to {longest:.3g} overflow float32: normalise the embeddings.")
    return queries, candidates


@dataclass(frozen=True, eq=False)
class ScoreTile:
    """Scores of some queries against some candidates; valid until the next tile is taken, and free to be changed."""

    query: int
    """The first query."""
    candidate: int
    """The first candidate."""
    scores: ScoreArray
    """[queries, candidates]"""


def score_tiles(
    queries: Embeddings,
    candidates: Embeddings,
    repeated: "Repeated",
    *,
    columns: int = TILE_COLUMNS,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[ScoreTile]:
    """Yields dot products: all candidates for some queries, then for the next ones.

    Tiles keep a matrix product at full speed, whatever the size of the pool. Identical candidates get identical scores;
    a matrix product alone does not promise this, for it may sum in another order at the edge of a tile, and then ties
    would be broken by chance.

    Args:
        queries: [Q, d].
        candidates: [C, d].
        repeated: those of the candidates that are identical.
        columns: most candidates of a tile.
        block_bytes: size of a tile, one query at least.
    """
    number, width = queries.shape[0], candidates.shape[0]
    columns = min(width, columns)
    rows = max(1, min(number, block_bytes // (4 * columns)))
    buffer = _lines(rows, columns)
    for query in range(0, number, rows):
        part = queries[query : query + rows]
        known = np.empty((len(part), len(repeated.originals)), dtype=np.float32)
        for candidate in range(0, width, columns):
            some = candidates[candidate : candidate + columns]
            scores = _product(part, some, buffer[: len(part), : len(some)])
            repeated.unify(scores, candidate, known)
            yield ScoreTile(query, candidate, scores)


@dataclass(frozen=True, eq=False)
class Repeated:
    """Candidates that are identical to an earlier one."""

    originals: npt.NDArray[np.int64]
    """[m], ascending: the first of those that are identical."""
    copies: npt.NDArray[np.int64]
    """[n], ascending: the others."""
    original_of_copy: npt.NDArray[np.int64]
    """[n], index into `originals`."""

    @classmethod
    def of(cls, embeddings: ScoreArray) -> Self:
        """Those of the rows, [C, d]."""
        keys = _row_keys(embeddings)
        order = np.argsort(keys, kind="stable")
        run = np.cumsum(np.diff(keys[order], prepend=keys[order[:1]]) != 0)
        first = order[np.searchsorted(run, run)]
        other = first != order
        copies, of = order[other], first[other]
        # Different rows may have one key, though hardly ever do.
        same = np.array([np.array_equal(embeddings[a], embeddings[b]) for a, b in zip(copies, of, strict=True)], bool)
        copies, of = copies[same], of[same]
        ascending = np.argsort(copies)
        originals, index = np.unique(of[ascending], return_inverse=True)
        return cls(originals, copies[ascending], index)

    def unify(self, scores: ScoreArray, candidate: int, known: ScoreArray) -> None:
        """Gives copies the scores of their originals.

        Args:
            scores: [queries, candidates] of a tile.
            candidate: the first candidate of the tile.
            known: [queries, m], scores of the originals; those of earlier tiles are read, those of this one written.
        """
        stop = candidate + scores.shape[1]
        first, last = np.searchsorted(self.originals, [candidate, stop])
        known[:, first:last] = scores[:, self.originals[first:last] - candidate]
        first, last = np.searchsorted(self.copies, [candidate, stop])
        scores[:, self.copies[first:last] - candidate] = known[:, self.original_of_copy[first:last]]

    def like(self, candidates: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.int64]]:
        """For those of these candidates that are not unique all that are identical, the candidate itself included."""
        number = dict(zip(self.originals.tolist(), range(len(self.originals)), strict=True))
        number |= dict(zip(self.copies.tolist(), self.original_of_copy.tolist(), strict=True))
        order = np.argsort(self.original_of_copy, kind="stable")
        bounds = np.searchsorted(self.original_of_copy[order], np.arange(len(self.originals) + 1))
        found = {}
        for candidate in candidates.tolist():
            if (n := number.get(candidate)) is not None:
                found[candidate] = np.append(self.originals[n], self.copies[order[bounds[n] : bounds[n + 1]]])
        return found


def _row_keys(embeddings: ScoreArray) -> npt.NDArray[np.uint64]:
    """[C], equal for identical rows: their bits times fixed random odd numbers, summed modulo 2^64."""
    factors = np.random.default_rng(0).integers(0, 2**63, embeddings.shape[1], dtype=np.uint64) * 2 + 1
    keys = np.empty(len(embeddings), dtype=np.uint64)
    for start in range(0, len(embeddings), _KEYED_ROWS):
        # Adding zero turns -0 into 0, which scores the same.
        bits = (embeddings[start : start + _KEYED_ROWS] + np.float32(0)).view(np.uint32)
        keys[start : start + len(bits)] = bits.astype(np.uint64) @ factors
    return keys


def _lines(rows: int, columns: int) -> ScoreArray:
    """Room for scores whose rows begin with a line of the cache: they are compared a third faster."""
    filled = -(-columns // _LINE) * _LINE
    room = np.empty(rows * filled + _LINE, dtype=np.float32)
    skipped = -room.ctypes.data // room.itemsize % _LINE
    return room[skipped : skipped + rows * filled].reshape(rows, filled)[:, :columns]


def _product(queries: Embeddings, candidates: Embeddings, out: ScoreArray) -> ScoreArray:
    if isinstance(queries, np.ndarray) and isinstance(candidates, np.ndarray):
        return np.matmul(queries, candidates.T, out=out)
    import torch

    tensors = [torch.as_tensor(x) for x in (queries, candidates)]
    device = next((x.device for x in tensors if x.device.type != "cpu"), torch.device("cpu"))
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        # Training may run in half precision; its ranks must not.
        with torch.autocast(device.type, enabled=False), torch.no_grad():
            product = tensors[0].to(device) @ tensors[1].to(device).T
    finally:
        torch.set_float32_matmul_precision(precision)
    torch.from_numpy(out).copy_(product)
    return out


def _float32(embeddings: Embeddings) -> Embeddings:
    if isinstance(embeddings, np.ndarray):
        return np.ascontiguousarray(embeddings, dtype=np.float32)
    embeddings = embeddings.detach().float()
    # NumPy's product is the faster one on a processor.
    return embeddings.contiguous().numpy() if embeddings.device.type == "cpu" else embeddings


def on_host(embeddings: Embeddings) -> ScoreArray:
    """The embeddings as a NumPy array."""
    return embeddings if isinstance(embeddings, np.ndarray) else embeddings.cpu().numpy()


def _longest(embeddings: Embeddings, kind: str) -> float:
    if isinstance(embeddings, np.ndarray):
        squares = np.einsum("nd,nd->n", embeddings, embeddings)
        if not np.isfinite(squares).all():
            squares = np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64)
    else:
        import torch

        squares = torch.linalg.vector_norm(embeddings, dim=1, dtype=torch.float64).square().cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(squares))
    if len(bad):
        raise ValueError(f"The embedding of {kind} {bad[0]} holds NaN or infinite values ({len(bad)} such in all).")
    return float(np.sqrt(squares.max(initial=0.0)))
