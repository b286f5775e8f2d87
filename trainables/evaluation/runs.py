"""Run files and judgements in trec_eval's format, from which anyone can compute the numbers of a trial again.

A topic is a query in a pool: `query language|pool language|id`, with `all` for the pool of all languages. Where that
pool is searched, runs hold it and the pool of the query's own language; else the one pool of each query. White space in
ids, and the percent sign, are percent-encoded, since the format separates by white space.

Scores have the digits that tell all float32 numbers apart. trec_eval ranks equal ones by id, the greater one first:
what it computes is what an evaluation with trec's ties finds, as far as the runs are deep.
"""

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.pools import by_language, is_multilingual, language_bounds, pools
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings, Repeated, checked, on_host, score_tiles

RUNS = "runs"
"""Folder of a trial with its run files, `<benchmark>.trec.gz`, and the judgements, `<benchmark>.qrels.gz`."""

DEPTH = 1000
"""Candidates per topic."""

ALL = "all"
_UNSAFE = re.compile(r"[\s%]")


def run_file(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    tag: str,
    *,
    depth: int = DEPTH,
    block_bytes: int = BLOCK_BYTES,
) -> bytes:
    """The first `depth` candidates of every topic, gzipped: `topic Q0 candidate rank score tag`.

    Takes embeddings as `evaluate` does, and a benchmark with the ids of its candidates.
    """
    return _gzipped(_run_lines(benchmark, query_embeddings, candidate_embeddings, tag, depth, block_bytes))


def qrels_file(benchmark: Benchmark) -> bytes:
    """The judgements of every topic, gzipped: `topic 0 candidate grade`."""
    return _gzipped(_qrels_lines(benchmark))


def _run_lines(
    benchmark: Benchmark, queries: Embeddings, candidates: Embeddings, tag: str, depth: int, block_bytes: int
) -> Iterator[str]:
    queries, candidates = checked(queries, candidates)
    column, candidates = by_language(benchmark, candidates)
    candidate = np.argsort(column)
    bounds = language_bounds(benchmark)
    ids = [_encoded(one) for one in benchmark.candidate_ids]
    multilingual = is_multilingual(benchmark)

    def lines(found: Mapping[tuple[int, int | None], _Best]) -> Iterator[str]:
        for (query, language), best in found.items():
            topic = _topic(benchmark, query, language)
            for rank, (score, place) in enumerate(zip(best.scores.tolist(), best.columns.tolist(), strict=True), 1):
                yield f"{topic} Q0 {ids[candidate[place]]} {rank} {score:.9g} {_encoded(tag)}\n"

    for pool in pools(benchmark):
        some = candidates[pool.start : pool.stop]
        pool_language = int(benchmark.candidate_language[candidate[pool.start]])
        # Tiles of some queries come together: what was found so far waits for the others.
        found: dict[tuple[int, int | None], _Best] = {}
        first = 0
        for tile in score_tiles(queries[pool.queries], some, Repeated.of(on_host(some)), block_bytes=block_bytes):
            if tile.query != first:
                yield from lines(found)
                found, first = {}, tile.query
            start = pool.start + tile.candidate
            stop = start + tile.scores.shape[1]
            for query, scores in zip(pool.queries[tile.query :].tolist(), tile.scores, strict=False):
                ignored = column[benchmark.ignored[query]] - start
                scores[ignored[(ignored >= 0) & (ignored < len(scores))]] = -np.inf
                own = int(benchmark.query_language[query])
                for language in (None, own) if multilingual else (pool_language,):
                    low, high = (start, stop) if language is None else bounds[language : language + 2]
                    low, high = max(start, low), min(stop, high)
                    best = found.setdefault((query, language), _Best())
                    if low < high:
                        order = benchmark.id_order[candidate[low:high]]
                        best.add(scores[low - start : high - start], np.arange(low, high), order, depth)
        yield from lines(found)


class _Best:
    """The best candidates of a topic so far, the best first."""

    def __init__(self) -> None:
        self.scores = np.empty(0, dtype=np.float32)
        self.columns = np.empty(0, dtype=np.int64)
        self._id_order = np.empty(0, dtype=np.int32)

    def add(self, scores: ScoreArray, columns: IntArray, id_order: npt.NDArray[np.int32], depth: int) -> None:
        """Takes in some candidates; equal scores rank as trec_eval ranks them, and ignored ones, -inf, not at all."""
        kept = np.isfinite(scores)
        if len(scores) > depth:
            kept &= scores >= np.partition(scores, len(scores) - depth)[len(scores) - depth]
        scores = np.concatenate([self.scores, scores[kept]])
        columns = np.concatenate([self.columns, columns[kept]])
        id_order = np.concatenate([self._id_order, id_order[kept]])
        best = np.lexsort((id_order, -scores))[:depth]
        self.scores, self.columns, self._id_order = scores[best], columns[best], id_order[best]


def _qrels_lines(benchmark: Benchmark) -> Iterator[str]:
    multilingual = is_multilingual(benchmark)
    ids = [_encoded(one) for one in benchmark.candidate_ids]
    for query in range(len(benchmark.query_language)):
        places = range(*benchmark.relevant_start[query : query + 2].tolist())
        judged = {int(benchmark.relevant[n]): int(benchmark.grade[n]) for n in places}
        judged |= dict.fromkeys(benchmark.irrelevant[query].tolist(), 0)
        for c, grade in judged.items():
            language = int(benchmark.candidate_language[c])
            if multilingual:
                yield f"{_topic(benchmark, query, None)} 0 {ids[c]} {grade}\n"
            if not multilingual or language == benchmark.query_language[query]:
                yield f"{_topic(benchmark, query, language)} 0 {ids[c]} {grade}\n"


def _topic(benchmark: Benchmark, query: int, pool: int | None) -> str:
    language = benchmark.languages[benchmark.query_language[query]]
    searched = ALL if pool is None else benchmark.languages[pool]
    return f"{language}|{searched}|{_encoded(benchmark.parallel_ids[benchmark.query_parallel[query]])}"


def _encoded(text: str) -> str:
    return _UNSAFE.sub(lambda found: quote(found[0]), text)


def _gzipped(lines: Iterable[str]) -> bytes:
    content = BytesIO()
    # Without a time the same numbers give the same file.
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        file.writelines(line.encode() for line in lines)
    return content.getvalue()
