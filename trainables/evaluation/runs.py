"""Run files and judgements in trec_eval's format, from which anyone can compute the numbers of a trial again.

A topic is a query in a pool: `query language|pool language|id`, with `all` for the pool of all languages. Where that
pool is searched, runs hold it and the pool of the query's own language; else the one pool of each query. Cross-lingual
and bilingual pools are left out: a run of all languages holds them, as far as it is deep. White space in
ids, and the percent sign, are percent-encoded, since the format separates by white space.

Scores have the digits that tell all float32 numbers apart. trec_eval ranks equal ones by id, the greater one first:
what it computes is what an evaluation with trec's ties finds, as far as the runs are deep.
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.pools import is_multilingual, language_bounds, pools
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings
from trainables.evaluation.search import SearchedScores

RUNS = "runs"
"""Folder of a trial with its run files, `<benchmark>.trec.gz`."""

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
    searched = SearchedScores(benchmark, queries, candidates)
    candidate = np.argsort(searched.column)
    bounds = language_bounds(benchmark)
    ids = [_encoded(one) for one in benchmark.candidate_ids]
    multilingual = is_multilingual(benchmark)
    for pool in pools(benchmark):
        pool_language = int(benchmark.candidate_language[candidate[pool.start]])
        # The best of a pool are known when all of it was seen.
        for query, _, scores in searched.rows(pool, columns=pool.stop - pool.start, block_bytes=block_bytes):
            own = int(benchmark.query_language[query])
            for language in (None, own) if multilingual else (pool_language,):
                begin, end = (pool.start, pool.stop) if language is None else bounds[language : language + 2]
                part = scores[begin - pool.start : end - pool.start]
                best = _best(part, benchmark.id_order[candidate[begin:end]], depth)
                topic = _topic(benchmark, query, language)
                for rank, place in enumerate(best.tolist(), 1):
                    found = ids[candidate[begin + place]]
                    yield f"{topic} Q0 {found} {rank} {part[place]:.9g} {_encoded(tag)}\n"


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


def _best(scores: ScoreArray, id_order: npt.NDArray[np.int32], depth: int) -> IntArray:
    """Places of the `depth` highest scores, the highest first, equal ones as trec_eval ranks them, ignored ones not."""
    places = np.flatnonzero(np.isfinite(scores))
    if len(places) > depth:
        last = np.partition(scores, len(scores) - depth)[len(scores) - depth]
        places = places[scores[places] >= last]
    return places[np.lexsort((id_order[places], -scores[places]))][:depth]


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
