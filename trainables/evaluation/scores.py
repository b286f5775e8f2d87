"""Scores of queries against candidates, block by block, in bounded memory."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import ScoreArray

if TYPE_CHECKING:
    import torch

Embeddings: TypeAlias = "npt.NDArray[np.float32] | torch.Tensor"
"""Float [n, d], as a NumPy array or as a torch tensor on any device."""

BLOCK_BYTES = 32 * 2**20
"""Size of a block of scores: large enough for a matrix product at full speed, small beside the embeddings."""


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


def score_blocks(
    queries: Embeddings, candidates: Embeddings, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[int, ScoreArray]]:
    """Yields (first row, scores float32 [rows, C]): dot products; the array is valid until the next one is taken.

    Identical candidates get identical scores. A matrix product alone does not promise this, for it may sum in
    another order at the edge of a tile, and then ties would be broken by chance.
    """
    number, width = queries.shape[0], candidates.shape[0]
    rows = max(1, min(number, block_bytes // (4 * width)))
    later, first = _repeated(on_host(candidates))
    buffer = np.empty((rows, width), dtype=np.float32)
    for start in range(0, number, rows):
        block = _product(queries[start : start + rows], candidates, buffer[: min(rows, number - start)])
        if len(later):
            block[:, later] = block[:, first]
        yield start, block


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
        squares = np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64)
    else:
        import torch

        squares = torch.linalg.vector_norm(embeddings, dim=1, dtype=torch.float64).square().cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(squares))
    if len(bad):
        raise ValueError(f"The embedding of {kind} {bad[0]} holds NaN or infinite values ({len(bad)} such in all).")
    return float(np.sqrt(squares.max(initial=0.0)))


def _repeated(embeddings: ScoreArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the rows that occur before, and beside each the index of its first occurrence."""
    seen: dict[int, int] = {}
    later, first = [], []
    for index, row in enumerate(embeddings):
        earlier = seen.setdefault(hash(row.tobytes()), index)
        if earlier != index and np.array_equal(row, embeddings[earlier]):
            later.append(index)
            first.append(earlier)
    return np.array(later, dtype=np.int64), np.array(first, dtype=np.int64)
