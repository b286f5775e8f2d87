"""What embeddings look like, to explain rankings: alignment, uniformity, and whether a text's language can be read."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.encoders.model import Encoder
from trainables.evaluation.encode import Precision, encode
from trainables.inputs import TokenisedBenchmark
from trainables.parallel.worker import Worker
from trainables.ratio.signals import dev_slice

Embeddings = npt.NDArray[np.float32]

QUESTIONS = 64
"""Of the dev set, in all their languages: enough for means, and a fraction of an evaluation."""


class Geometry:
    """Measures `geometry` on a fixed slice of the dev set.

    Args:
        dev: the dev set.
        pad_id: token id of the padding.
        worker: this process, on whose device the encoder is.
        precision: what the encoder computes in.
    """

    def __init__(self, dev: TokenisedBenchmark, pad_id: int, worker: Worker, precision: Precision) -> None:
        self._slice = dev_slice(dev, QUESTIONS)
        self._pad_id, self._worker, self._precision = pad_id, worker, precision

    def measure(self, encoder: Encoder) -> Mapping[str, float]:
        """Every worker must ask, and the first one alone is told."""
        queries, candidates = (
            encode(encoder, table, pad_id=self._pad_id, worker=self._worker, precision=self._precision)
            for table in (self._slice.queries, self._slice.candidates)
        )
        return geometry(self._slice.benchmark, queries, candidates) if self._worker.is_first else {}


def geometry(benchmark: Benchmark, queries: Embeddings, candidates: Embeddings) -> dict[str, float]:
    """Returns what can be said of unit rows, queries [Q, d] and candidates [C, d]; what has no pairs is absent.

    `alignment/mono`, `alignment/cross`: mean of |q - c|^2 over queries and relevant candidates in the query's language
    and in others (Wang and Isola 2020, alpha = 2; 0: equal). `uniformity`: ln of the mean of exp(-2 |c - c'|^2) over
    pairs of different candidates (t = 2; the lower, the more evenly they fill the sphere). `language_identity`: share
    of candidates whose language has the nearest mean, mean over languages; the means are those of every other candidate
    of each language, and the rest are told apart. 1/L by chance.
    """
    found = {}
    query = np.repeat(np.arange(len(queries)), np.diff(benchmark.relevant_start))
    distance = ((queries[query] - candidates[benchmark.relevant]) ** 2).sum(axis=1, dtype=np.float64)
    own = benchmark.query_language[query] == benchmark.candidate_language[benchmark.relevant]
    for kind, rows in (("mono", own), ("cross", ~own)):
        if rows.any():
            found[f"alignment/{kind}"] = float(distance[rows].mean())
    if len(candidates) > 1:
        apart = 2 - 2 * (candidates @ candidates.T).astype(np.float64)[np.triu_indices(len(candidates), 1)]
        found["uniformity"] = float(np.log(np.exp(-2 * apart).mean()))
    identity = _language_identity(candidates, benchmark.candidate_language)
    return found if identity is None else {**found, "language_identity": identity}


def _language_identity(embeddings: Embeddings, language: npt.NDArray[np.integer]) -> float | None:
    """None unless two languages have candidates to learn from and to be told apart."""
    rows = {one: found for one in np.unique(language) if len(found := np.flatnonzero(language == one)) > 1}
    if len(rows) < 2:
        return None
    means = np.stack([embeddings[found[::2]].mean(axis=0) for found in rows.values()])
    shares = []
    for number, found in enumerate(rows.values()):
        distance = ((embeddings[found[1::2], None] - means) ** 2).sum(axis=2)
        shares.append((distance.argmin(axis=1) == number).mean())
    return float(np.mean(shares))
