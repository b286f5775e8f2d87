"""Ranks in a pool of a million passages against the search that FAISS alone needs, in one run.

    OMP_NUM_THREADS=2 python benchmarks/large_pool.py
    python benchmarks/large_pool.py --passages 100000 --queries 200 --rounds 3

Prints the seconds of both (median over rounds, alternating), their ratio and peak memory, and compares the ranks of a
sample of the queries with brute force.
"""

import argparse
import resource
import statistics
import time

import faiss
import numpy as np

from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.evaluation.rank import rank_relevant

SAMPLE = 20
TOLERANCE = 1e-6
"""Float32 and float64 may order scores differently that are as close as their rounding."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--depth", type=int, default=100, help="how many passages FAISS retrieves")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    candidates = rng.standard_normal((arguments.passages, arguments.dimension), dtype=np.float32)
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    relevant = rng.choice(arguments.passages, (arguments.queries, 2))
    queries = candidates[relevant[:, 0]] + 2 * rng.standard_normal((arguments.queries, arguments.dimension)).astype(
        "f4"
    )
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    built = benchmark(
        "large",
        [Query(str(q), "en", "") for q in range(arguments.queries)],
        [Candidate(str(c), "en", "") for c in range(arguments.passages)],
        [set(row) for row in relevant.tolist()],
    )
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        started = time.perf_counter()
        ranks = rank_relevant(built, queries, candidates)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        faiss.knn(queries, candidates, arguments.depth, metric=faiss.METRIC_INNER_PRODUCT)
        theirs.append(time.perf_counter() - started)
    sample = range(0, arguments.queries, max(1, arguments.queries // SAMPLE))
    differing = 0
    for q in sample:
        scores = np.einsum("cd,d->c", candidates, queries[q], dtype=np.float64)
        for n in range(*built.relevant_start[q : q + 2]):
            better = np.count_nonzero(scores > scores[built.relevant[n]])
            differing += abs(int(ranks.rank_in_language[n]) - 1 - better) > TOLERANCE * better
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    one, other = statistics.median(ours), statistics.median(theirs)
    print(f"ranks {one:.2f} s, FAISS alone {other:.2f} s, ratio {one / other:.2f}, peak {peak:.2f} GiB")
    print(f"{differing} of the ranks of {len(sample)} queries differ from brute force by more than one in a million")


if __name__ == "__main__":
    main()
