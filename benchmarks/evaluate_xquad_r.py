"""Cost of the full evaluation of XQuAD-R: every setting, language bias and per-query values from random embeddings.

    python benchmarks/evaluate_xquad_r.py [--data-dir FOLDER] [--threads 2] [--pairs 2]

Without --data-dir a structure with the published counts stands in for the real one. In the same run, beside it: the
matrix product alone in torch (what any exact evaluation has to pay; all scores kept, and again without keeping any)
and the way by trec_eval, one run per (query language, pool language) pair, measured on a few pairs and extrapolated.
Leaves with status 1 above 10 s of processor time or 2 GB of memory.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from trainables.corpora.benchmark import Benchmark
    from trainables.evaluation.scores import Embeddings

CPU_SECONDS, GIGABYTES = 10.0, 2.0
DIMENSION = 768
QUESTIONS = 1190
CANDIDATES = {
    **{"ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244},
    **{"ru": 1219, "th": 852, "tr": 1167, "vi": 1209, "zh": 1196},
}

T = TypeVar("T")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder that holds xquad-r/")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=2, help="pairs to score by trec_eval (0: none)")
    arguments = parser.parse_args()
    # The libraries read these when they are loaded.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

    import numpy as np

    from trainables.corpora.sources.registry import load_benchmark
    from trainables.evaluation.evaluate import evaluate

    if arguments.data_dir is None:
        print("structure: synthetic, published counts")
        benchmark = synthetic()
    else:
        print("structure: real")
        benchmark = load_benchmark("xquad-r", "test", arguments.data_dir)
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((len(benchmark.query_texts), DIMENSION), dtype=np.float32)
    candidates = rng.standard_normal((len(benchmark.candidate_texts), DIMENSION), dtype=np.float32)
    print(f"{len(queries):,} queries x {len(candidates):,} candidates x {DIMENSION}, {arguments.threads} threads")

    evaluation, cpu, wall = timed(lambda: evaluate(benchmark, queries, candidates))
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    line("all settings, bias, per query", cpu, wall, f"peak memory of the process {gigabytes:.2f} GB")
    assert evaluation.per_query is not None
    print(f"  {len(evaluation.metrics)} metrics, {len(evaluation.per_query):,} rows per query")

    import torch

    torch.set_num_threads(arguments.threads)
    blocks = torch.from_numpy(queries).split(644)
    transposed = torch.from_numpy(candidates).T
    room = torch.empty(len(blocks[0]), len(candidates))
    products: dict[str, Callable[[], object]] = {
        "torch matrix product alone": lambda: [torch.matmul(block, transposed) for block in blocks],
        "  no scores kept": lambda: [torch.matmul(block, transposed, out=room[: len(block)]) for block in blocks],
    }
    for name, product in products.items():
        _, product_cpu, product_wall = timed(product)
        line(name, product_cpu, product_wall, f"evaluation {cpu / product_cpu:.2f} x")

    if arguments.pairs:
        by_trec_eval(benchmark, queries, candidates, evaluation.metrics, arguments.pairs)
    return int(cpu > CPU_SECONDS or gigabytes > GIGABYTES)


def by_trec_eval(
    benchmark: "Benchmark",
    queries: "Embeddings",
    candidates: "Embeddings",
    metrics: Mapping[str, float],
    pairs: int,
) -> None:
    import numpy as np
    import pytrec_eval

    names = benchmark.languages
    chosen = np.linspace(0, len(names) ** 2 - 1, pairs + 2).astype(int)[1:-1]

    def score(one: int, other: int) -> float:
        asked = np.flatnonzero(benchmark.query_language == one)
        pool = np.flatnonzero(benchmark.candidate_language == other)
        ids = [str(c) for c in pool]
        scores = queries[asked] @ candidates[pool].T
        run = {str(q): dict(zip(ids, row.tolist(), strict=True)) for q, row in zip(asked, scores, strict=True)}
        inside = set(pool.tolist())
        qrels = {
            str(q): {
                str(c): 1
                for c in benchmark.relevant[benchmark.relevant_start[q] : benchmark.relevant_start[q + 1]].tolist()
                if c in inside
            }
            for q in asked
        }
        values = pytrec_eval.RelevanceEvaluator(qrels, {"map", "recall_1,10"}).evaluate(run)
        return float(np.mean([x["map"] for x in values.values()]))

    cpu = wall = difference = 0.0
    for pair in chosen.tolist():
        one, other = divmod(pair, len(names))
        theirs, seconds, passed = timed(partial(score, one, other))
        place = f"monolingual/map/{names[one]}" if one == other else f"cross-lingual/map/{names[one]}-{names[other]}"
        difference = max(difference, abs(theirs - metrics[f"xquad-r/{place}"]))
        cpu, wall = cpu + seconds, wall + passed
    times = len(names) ** 2 / pairs
    note = f"EXTRAPOLATED from {pairs} of {len(names) ** 2} pairs, without the pool of all languages and bias"
    line("trec_eval pair by pair", cpu * times, wall * times, note)
    print(f"  greatest difference in mAP on these pairs: {difference:.1e}")


def synthetic() -> "Benchmark":
    from trainables.corpora.benchmark import Candidate, Query, benchmark

    first, offset = {}, 0
    for language, number in CANDIDATES.items():
        first[language], offset = offset, offset + number
    return benchmark(
        "xquad-r",
        [Query(str(i), language, f"{i} {language}") for language in CANDIDATES for i in range(QUESTIONS)],
        [Candidate(f"{x}-{i}", x, f"{i} {x}") for x, number in CANDIDATES.items() for i in range(number)],
        [[first[x] + i * n // QUESTIONS for x, n in CANDIDATES.items()] for _ in CANDIDATES for i in range(QUESTIONS)],
    )


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """The result, processor seconds (user and system, all threads) and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return result, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def line(name: str, cpu: float, wall: float, note: str = "") -> None:
    print(f"{name:32} {cpu:7.2f} s CPU {wall:7.2f} s wall  {note}")


if __name__ == "__main__":
    sys.exit(main())
