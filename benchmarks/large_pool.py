"""A pool of a million passages: what ranks cost, and an evaluation from the files to the numbers.

    OMP_NUM_THREADS=2 python benchmarks/large_pool.py
    python benchmarks/large_pool.py --passages 100000 --queries 200 --rounds 3
    python benchmarks/large_pool.py --from-files FOLDER [--encoder mini-xs] [--words 6]

Prints the seconds that ranks take and those that FAISS alone takes to search, in one run (median over rounds,
alternating; those of a core count where other work slows both), their ratio and peak memory, and compares the ranks of
a sample of the queries with brute force.

With `--from-files` a benchmark of passages of random words is written to an empty folder; a query is half of the words
of one of its two relevant passages. A process reads, tokenises and encodes it and ranks; it is killed (SIGKILL) when
half of the shards of embeddings are written, and started again; another one is left in peace. Printed are the seconds
and the peak of memory at the end of every stage, what of it is a file mapped into memory included, and whether both
found the same numbers. Leaves with status 1 at more than 4 GB, or if they differ from each other or from brute force.
"""

import argparse
import gzip
import json
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.training_rows import MOST_GIB, stage, words_of
from trainables.array_cache import ArrayCache
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.workplace import working_at
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.evaluation.embedding_file import SHARD
from trainables.evaluation.encode import MANY_TEXTS, encode
from trainables.evaluation.evaluate import evaluate
from trainables.evaluation.rank import rank_relevant
from trainables.evaluation.scores import Embeddings
from trainables.memory import peak_gib
from trainables.watch import unwatched

SAMPLE = 20
ROUNDING = 1e-6
"""How far float32 scores of unit vectors may be from those of float64."""
TOKENIZER_TEXTS = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--depth", type=int, default=100, help="how many passages FAISS retrieves")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from-files", type=Path, metavar="FOLDER", help="an empty folder")
    parser.add_argument("--encoder", default="mini-xs")
    parser.add_argument("--words", type=int, default=6, help="of a passage, on average")
    parser.add_argument("--into", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.from_files is None:
        return compare_with_faiss(arguments)
    if arguments.passages < MANY_TEXTS:
        parser.error(
            f"--passages {arguments.passages}: embeddings of fewer than {MANY_TEXTS} texts are not kept in shards, so "
            "that there is nothing to resume; give as many."
        )
    return evaluated(arguments) if arguments.into else killed_and_not(arguments)


def compare_with_faiss(arguments: argparse.Namespace) -> int:
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
        begun = clocks()
        ranks = rank_relevant(built, queries, candidates)
        ours.append(clocks() - begun)
        begun = clocks()
        faiss.knn(queries, candidates, arguments.depth, metric=faiss.METRIC_INNER_PRODUCT)
        theirs.append(clocks() - begun)
    one, other = np.median(ours, axis=0), np.median(theirs, axis=0)
    for what, own, alone in zip(("seconds", "seconds of a core"), one, other, strict=True):
        print(f"ranks {own:.2f} {what}, FAISS alone {alone:.2f}, ratio {own / alone:.2f}")
    print(f"peak {peak_gib():.2f} GiB")
    wrong = differing(built, queries, candidates, ranks.rank_in_language)
    return int(wrong > 0 or peak_gib() > MOST_GIB)


def clocks() -> npt.NDArray[np.float64]:
    return np.array([time.perf_counter(), time.process_time()])


def differing(built: Benchmark, queries: Embeddings, candidates: Embeddings, ranks: npt.NDArray[np.integer]) -> int:
    """How many of the ranks of a sample of the queries are none that the scores in float64 allow."""
    sample = range(0, len(queries), max(1, len(queries) // SAMPLE))
    found, width, wrong = 0, 0, 0
    for q in sample:
        scores = np.einsum("cd,d->c", candidates, queries[q], dtype=np.float64)
        for n in range(*built.relevant_start[q : q + 2]):
            own = scores[built.relevant[n]]
            least = 1 + int(np.count_nonzero(scores > own + ROUNDING))
            most = int(np.count_nonzero(scores >= own - ROUNDING))
            found, width = found + 1, max(width, most - least)
            wrong += not least <= ranks[n] <= most
    print(
        f"{wrong} of {found} ranks of {len(sample)} queries differ from brute force by more than rounding, which "
        f"leaves up to {width} places open"
    )
    return wrong


def killed_and_not(arguments: argparse.Namespace) -> int:
    folder = arguments.from_files
    write_benchmark(folder / "large", arguments)
    start = time.perf_counter()
    print("killed when half of the shards are written:", flush=True)
    killed = started(arguments, "resumed")
    half = -(-arguments.passages // SHARD) // 2
    while shards_written(folder / "resumed") < half:
        if killed.poll() is not None:
            raise SystemExit("it ended before it was killed")
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    written = shards_written(folder / "resumed")
    print(f"killed after {time.perf_counter() - start:.0f} s with {written} shards; once more:", flush=True)
    outcomes = [started(arguments, "resumed").wait()]
    print("left in peace:", flush=True)
    outcomes.append(started(arguments, "whole").wait())
    one, other = (np.load(folder / f"{name}.npz") for name in ("resumed", "whole"))
    same = all(np.array_equal(one[name], other[name]) for name in one.files)
    print(f"{'the same' if same else 'DIFFERENT'} {', '.join(one.files)} of both")
    return int(any(outcomes) or not same)


def started(arguments: argparse.Namespace, name: str) -> subprocess.Popen[bytes]:
    given = ["--from-files", arguments.from_files, "--encoder", arguments.encoder, "--into", name]
    return subprocess.Popen([sys.executable, __file__, *map(str, given)])


def shards_written(folder: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in folder.glob("embeddings/*/shards.jsonl"))


def write_benchmark(folder: Path, arguments: argparse.Namespace) -> None:
    generator = random.Random(0)
    words = words_of("en")
    relevant = generator.sample(range(arguments.passages), 2 * arguments.queries)
    asked = {passage: number for number, passage in enumerate(relevant[: arguments.queries])}
    questions = [""] * arguments.queries
    (folder / "qrels").mkdir(parents=True)
    with gzip.open(folder / "corpus.jsonl.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for number in range(arguments.passages):
            size = generator.randint(max(1, arguments.words // 2), arguments.words + arguments.words // 2)
            own = generator.choices(words, k=size)
            file.write(json.dumps({"_id": f"p{number}", "title": "", "text": " ".join(own)}) + "\n")
            if number in asked:
                questions[asked[number]] = " ".join(own[: -(-size // 2)])
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"_id": f"q{n}", "text": text}) + "\n" for n, text in enumerate(questions))
    with (folder / "qrels" / "test.tsv").open("w", encoding="utf-8") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        file.writelines(f"q{n % arguments.queries}\tp{passage}\t1\n" for n, passage in enumerate(relevant))


def evaluated(arguments: argparse.Namespace) -> int:
    folder = arguments.from_files / arguments.into
    with stage("read"), working_at(folder / "texts", unwatched):
        built = load_benchmark(f"{arguments.from_files / 'large'}:en", "test")
    config = resolve_encoder(arguments.encoder)
    tokenizer = config.tokenizer(list(islice(built.candidate_texts, TOKENIZER_TEXTS)))
    cache = ArrayCache(folder / "tokens")
    with stage("tokenise"):
        queries = tokenise(built.query_texts, tokenizer, config.query_prefix, config.max_query_length, cache)
        passages = tokenise(built.candidate_texts, tokenizer, config.passage_prefix, config.max_passage_length, cache)
    encoder = config.build(tokenizer, 0)
    with stage("encode"):
        asked, pool = (
            encode(encoder, table, pad_id=tokenizer.pad_token_id, scratch=folder / "embeddings")
            for table in (queries, passages)
        )
    with stage("evaluate"):
        found = evaluate(built, asked, pool)
    assert found.relevant_ranks is not None
    ranks = found.relevant_ranks["rank"].to_numpy()
    print(f"  {len(passages.ids) / len(passages):.1f} tokens of a passage, fingerprint {built.fingerprint[:12]}")
    np.savez(
        arguments.from_files / arguments.into,
        ranks=ranks,
        metrics=np.array(sorted(found.metrics.items())),
        fingerprint=np.array(built.fingerprint),
    )
    peak = peak_gib()
    return int(differing(built, asked, pool, ranks) > 0 or peak > MOST_GIB)


if __name__ == "__main__":
    sys.exit(main())
