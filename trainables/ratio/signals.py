"""The signals of closed-loop families that are measured on the dev set: losses and metrics on a small slice of it."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from trainables.batches.kinds import KINDS, Kind
from trainables.corpora.benchmark import Benchmark, CandidateLists
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable
from trainables.evaluation.encode import Precision, encode
from trainables.evaluation.evaluate import available_metrics, evaluate
from trainables.evaluation.measures.collapse import TIES, is_collapsed
from trainables.evaluation.metric_name import MetricName
from trainables.inputs import TokenisedBenchmark
from trainables.parallel.worker import Worker
from trainables.ratio.controller import ON_DEV, Signal

SLICE = 32
"""Questions of the slice, in all their languages: as many as cost less than a few training steps."""

Embeddings = npt.NDArray[np.float32]


class DevSignals:
    """Measures signals on a fixed slice of the dev set.

    Args:
        dev: the dev set.
        pad_id: token id of the padding.
        worker: this process, on whose device the encoder is.
        temperature: that of the loss.
        precision: what the encoder computes in.
    """

    def __init__(
        self,
        dev: TokenisedBenchmark,
        pad_id: int,
        worker: Worker,
        temperature: float,
        precision: Precision = "float32",
    ) -> None:
        self._slice = dev_slice(dev, SLICE)
        self._pad_id, self._worker, self._temperature, self._precision = pad_id, worker, temperature, precision

    @property
    def pairs(self) -> int:
        """Pairs that one measurement encodes: half of its queries and candidates."""
        return _pairs(self._slice)

    def measure(self, encoder: Encoder, names: Collection[Signal]) -> Mapping[Signal, float]:
        """Returns the named signals, `dev/loss/mono`, `dev/loss/cross` or `dev/` and the name of a metric.

        The metrics of an encoder that has collapsed say nothing: they are NaN, which ends a training that would have to
        steer by them. Every worker must ask, and the first one alone is told.

        Raises:
            KeyError: a metric that the dev set does not have.
        """
        queries, candidates = (
            encode(encoder, table, pad_id=self._pad_id, worker=self._worker, precision=self._precision)
            for table in (self._slice.queries, self._slice.candidates)
        )
        if not self._worker.is_first:
            return {}
        benchmark = self._slice.benchmark
        found: dict[Signal, float] = {}
        for kind in KINDS:
            if (name := f"{ON_DEV}loss/{kind}") in names:
                found[name] = dev_loss(benchmark, queries, candidates, self._temperature, kind)
        wanted = sorted(set(names) - set(found))
        if wanted:
            metrics = evaluate(benchmark, queries, candidates, keep_per_query=False).metrics
            of_slice = {name: MetricName.parse(name.removeprefix(ON_DEV)).of(benchmark.name) for name in wanted}
            collapsed = is_collapsed(_ties(metrics), len(queries), len(candidates))
            found |= {name: math.nan if collapsed else metrics[str(metric)] for name, metric in of_slice.items()}
        return found


def _ties(metrics: Mapping[str, float]) -> float:
    return next(value for name, value in metrics.items() if name.rpartition("/")[2] == TIES)


def available_signals(dev: Benchmark) -> frozenset[Signal]:
    """Returns all signals that can be measured on this dev set, whatever the encoder."""
    benchmark = _sliced(dev, SLICE)[0]
    losses = {f"{ON_DEV}loss/{kind}" for kind in KINDS if any(True for _ in _compared(benchmark, kind))}
    return frozenset(losses | {f"{ON_DEV}{metric.of(None)}" for metric in available_metrics(benchmark)})


def signal_pairs(dev: TokenisedBenchmark) -> int:
    """Pairs that one measurement of signals on this dev set encodes."""
    return _pairs(dev_slice(dev, SLICE))


def _pairs(dev: TokenisedBenchmark) -> int:
    return (len(dev.queries) + len(dev.candidates)) // 2


def dev_loss(
    benchmark: Benchmark, queries: Embeddings, candidates: Embeddings, temperature: float, kind: Kind
) -> float:
    """The contrastive loss of dev pairs: queries [Q, d] and candidates [C, d], unit rows.

    `mono` pairs a query with a relevant candidate of its own language, `cross` with one of the next language in which
    these questions have any. The negatives of a query are the other questions' passages in the language of its own
    passage: as many and as hard for both kinds, so that their losses can be compared.

    Raises:
        ValueError: the dev slice has no such pair.
    """
    losses = []
    for own, pool, position in _compared(benchmark, kind):
        scores = (queries[own] @ candidates[pool].T).astype(np.float64) / temperature
        losses.append(logsumexp(scores, axis=1) - scores[np.arange(len(own)), position])
    if not losses:
        raise ValueError(f"the dev slice has no {kind} pair with a negative")
    return float(np.mean(np.concatenate(losses)))


_Rows = npt.NDArray[np.integer[Any]]


def _compared(benchmark: Benchmark, kind: Kind) -> Iterator[tuple[_Rows, _Rows, _Rows]]:
    """By language of the queries, where there is more than one candidate: the queries that have a passage, all their
    passages, and where among these that of each query is.
    """
    chosen = _relevant_by_language(benchmark)
    for language in range(len(benchmark.languages)):
        rows = np.flatnonzero(benchmark.query_language == language)
        target = _next_language(chosen[rows], language) if kind == "cross" else language
        own = rows[chosen[rows, target] >= 0]
        pool, position = np.unique(chosen[own, target], return_inverse=True)
        if len(pool) > 1 and (kind == "mono" or target != language):
            yield own, pool, position


def dev_slice(dev: TokenisedBenchmark, questions: int) -> TokenisedBenchmark:
    """The dev set cut to evenly spaced questions, in all their languages, and the candidates relevant to them."""
    benchmark, rows, pool = _sliced(dev.benchmark, questions)
    return TokenisedBenchmark(benchmark, _rows(dev.queries, rows), _rows(dev.candidates, pool))


def _sliced(benchmark: Benchmark, questions: int) -> tuple[Benchmark, _Rows, _Rows]:
    """The slice without its texts, and the rows of its queries and of its candidates."""
    count = len(benchmark.parallel_ids)
    kept_ids = np.unique(np.linspace(0, count - 1, min(questions, count)).round().astype(np.int64))
    rows = np.flatnonzero(np.isin(benchmark.query_parallel, kept_ids))
    ranges = [np.arange(*benchmark.relevant_start[q : q + 2]) for q in rows]
    judged = np.concatenate(ranges)
    pool = np.unique(benchmark.relevant[judged])
    sliced = replace(
        benchmark,
        parallel_ids=tuple(benchmark.parallel_ids[i] for i in kept_ids),
        query_language=benchmark.query_language[rows],
        query_length=benchmark.query_length[rows],
        query_parallel=np.searchsorted(kept_ids, benchmark.query_parallel[rows]).astype(np.int32),
        candidate_language=benchmark.candidate_language[pool],
        relevant_start=np.concatenate([[0], np.cumsum([len(r) for r in ranges])]).astype(np.int64),
        relevant=np.searchsorted(pool, benchmark.relevant[judged]).astype(np.int32),
        grade=benchmark.grade[judged],
        irrelevant=CandidateLists.of([()] * len(rows)),
        ignored=CandidateLists.of([()] * len(rows)),
        id_order=benchmark.id_order[pool],
    )
    return sliced, rows, pool


def _relevant_by_language(benchmark: Benchmark) -> npt.NDArray[np.int64]:
    """[Q, L], the first relevant candidate of every query in every language, or -1."""
    first = np.full((len(benchmark.query_language), len(benchmark.languages)), -1, dtype=np.int64)
    query_of = np.repeat(np.arange(len(first)), np.diff(benchmark.relevant_start))
    # Backwards, so that the first one of a language stays.
    first[query_of[::-1], benchmark.candidate_language[benchmark.relevant[::-1]]] = benchmark.relevant[::-1]
    return first


def _next_language(chosen: npt.NDArray[np.int64], language: int) -> int:
    """The next language in which these queries have relevant candidates; their own if there is none."""
    languages = len(chosen[0]) if len(chosen) else 0
    for step in range(1, languages):
        target = (language + step) % languages
        if (chosen[:, target] >= 0).sum() > 1:
            return target
    return language


def _rows(table: TokenTable, rows: _Rows) -> TokenTable:
    lengths = table.lengths[rows]
    ids = [table.ids[table.offsets[row] : table.offsets[row + 1]] for row in rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TokenTable(np.concatenate(ids), offsets, table.prompt)
