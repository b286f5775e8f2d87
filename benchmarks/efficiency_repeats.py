"""How well what the measure phase measures repeats: one encoder, measured whole in several runs, under two names.

    python benchmarks/efficiency_repeats.py --model FOLDER --evaluate BENCHMARK [--runs 3] [--repetitions 5]

A run is a new process. It has as many rounds as there are orders of insertion, in each of which the encoder has one
turn under each of its two names, in a random order; a number is the median over the rounds, as in reports. Prints for
every timed number the values of the runs, how much the largest exceeds the least, and how much the second name
exceeds the first, the median over runs; then how many of them are within the margin of equivalence. Leaves with status
1 where a number that no machine changes does not come out equal to the last digit.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from trainables.corpora.sources.registry import load_benchmark
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.machine import pinned
from trainables.evaluation.efficiency.measure import measure
from trainables.evaluation.efficiency.registry import efficiency_record
from trainables.evaluation.efficiency.subject import Subject, timed_queries
from trainables.evaluation.encode import encode

NAMES = 2

Run = list[dict[str, float]]
"""Of every name the medians over the rounds."""


def run(number: int, model: str, evaluate: str, config: EfficiencyConfig, threads: int) -> Run:
    """Measures the encoder under all names in every round."""
    torch.set_num_threads(threads)
    chosen = resolve_encoder(model)
    benchmark = load_benchmark(evaluate, "test")
    tokenizer = chosen.tokenizer(())
    encoder = chosen.build(tokenizer, seed=0).eval()
    queries = tokenise(benchmark.query_texts, tokenizer, chosen.query_prefix, chosen.max_query_length)
    candidates = tokenise(benchmark.candidate_texts, tokenizer, chosen.passage_prefix, chosen.max_passage_length)
    embeddings = [encode(encoder, texts, pad_id=tokenizer.pad_token_id) for texts in (queries, candidates)]
    timed = timed_queries(len(benchmark.query_texts), config)
    generator = np.random.default_rng(number)
    rounds: list[list[dict[str, float]]] = [[] for _ in range(NAMES)]
    with pinned(threads):
        for order in range(config.orders):
            for name in generator.permutation(NAMES):
                subject = Subject(
                    encoder=encoder,
                    tokenizer=tokenizer,
                    device=torch.device("cpu"),
                    benchmark=benchmark,
                    candidate_tokens=candidates,
                    query_texts=[chosen.query_prefix + benchmark.query_texts[query] for query in timed],
                    queries=embeddings[0],
                    candidates=embeddings[1],
                    config=config,
                    order=order,
                )
                rounds[name].append(dict(measure(subject).numbers))
    return [
        {number: float(np.median([one[number] for one in found if number in one])) for number in found[0]}
        for found in rounds
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder or name of an encoder")
    parser.add_argument("--evaluate", required=True, help="benchmark, as in study.run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=EfficiencyConfig().repetitions)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    config = EfficiencyConfig(repetitions=arguments.repetitions)
    runs: list[Run] = []
    for number in range(arguments.runs):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            asked = arguments.model, arguments.evaluate, config, arguments.threads
            runs.append(process.submit(run, number, *asked).result())
    records = efficiency_record(config).numbers
    ranges, copies, unequal = [], [], []
    for name in runs[0][0]:
        values = np.array([[named[name] for named in one] for one in runs])
        if not records[name].is_timed:
            unequal += [name] if np.ptp(values) else []
            continue
        ranges.append(values[:, 0].max() / values[:, 0].min() - 1)
        copies.append(np.median(values[:, 1] / values[:, 0]) - 1)
        told = " ".join(f"{value:10.4g}" for value in values[:, 0])
        print(f"{name:24s} {told}   range {ranges[-1]:6.1%}   second name {copies[-1]:+6.1%}")
    for what, found in (("repeat over the runs", ranges), ("are those of the second name", np.abs(copies))):
        within = sum(one <= config.margin for one in found)
        middle = f"median {np.median(found):.1%}, worst {np.max(found):.1%}"
        print(f"{within} of {len(found)} timed numbers {what} within {config.margin:.0%} ({middle})")
    print(f"{len(runs[0][0]) - len(ranges)} numbers that no machine changes; unequal: {', '.join(unequal) or 'none'}")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
