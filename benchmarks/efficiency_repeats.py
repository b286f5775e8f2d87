"""How well what the measure phase measures repeats: one encoder, measured whole in several runs, under two names.

    python benchmarks/efficiency_repeats.py --model FOLDER --evaluate BENCHMARK [--runs 3] [--repetitions 3]

A run is a new process. It has as many rounds as there are orders of insertion, in each of which the encoder has one
turn under each of its two names, in a random order; a number is the median over the rounds, as in reports. Prints for
every timed number the values of the runs, how much the largest exceeds the least, and how much the second name
exceeds the first, the median over runs; then how many of them are within the margin of equivalence, and beside them
what is timed after every turn, a bare product of matrices and reads from all over a large memory: what the machine
itself does from run to run, and its cache and memory. Leaves with status 1 where a number that no machine changes does
not come out equal to the last digit.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.registry import load_benchmark
from trainables.encoders.base import EncoderConfig
from trainables.encoders.model import Encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import TokenTable, tokenise
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.machine import pinned
from trainables.evaluation.efficiency.measure import measure
from trainables.evaluation.efficiency.registry import efficiency_record
from trainables.evaluation.efficiency.subject import Subject, timed_queries
from trainables.evaluation.efficiency.timing import medians
from trainables.evaluation.encode import encode

NAMES = 2
PRODUCT, READS = "matrix product", "reads of memory"
"""Seconds of a product of two square matrices of 1,024 rows, and of half a million reads from 64 MB in random order."""

T = TypeVar("T")

Run = list[dict[str, float]]
"""Of every name the medians over the rounds."""


@dataclass(frozen=True, eq=False)
class Measured:
    """An encoder and a benchmark with its token ids."""

    config: EncoderConfig
    encoder: Encoder
    tokenizer: PreTrainedTokenizerBase
    benchmark: Benchmark
    queries: TokenTable
    candidates: TokenTable


def loaded(model: str, evaluate: str, threads: int) -> Measured:
    """Loads both."""
    torch.set_num_threads(threads)
    config, benchmark = resolve_encoder(model), load_benchmark(evaluate, "test")
    tokenizer = config.tokenizer(())
    return Measured(
        config,
        config.build(tokenizer, seed=0).eval(),
        tokenizer,
        benchmark,
        tokenise(benchmark.query_texts, tokenizer, config.query_prefix, config.max_query_length),
        tokenise(benchmark.candidate_texts, tokenizer, config.passage_prefix, config.max_passage_length),
    )


def embed(folder: Path, model: str, evaluate: str, threads: int) -> None:
    """Leaves the embeddings that all runs measure."""
    one = loaded(model, evaluate, threads)
    for name, texts in (("queries", one.queries), ("candidates", one.candidates)):
        np.save(folder / f"{name}.npy", encode(one.encoder, texts, pad_id=one.tokenizer.pad_token_id))


def run(folder: Path, model: str, evaluate: str, threads: int, number: int, config: EfficiencyConfig) -> Run:
    """Measures the encoder under all names in every round."""
    one = loaded(model, evaluate, threads)
    timed = timed_queries(len(one.benchmark.query_texts), config)
    generator = np.random.default_rng(number)
    rounds: list[list[Mapping[str, float]]] = [[] for _ in range(NAMES)]
    with pinned(threads):
        for order in range(config.orders):
            for name in generator.permutation(NAMES):
                subject = Subject(
                    encoder=one.encoder,
                    tokenizer=one.tokenizer,
                    device=torch.device("cpu"),
                    benchmark=one.benchmark,
                    candidate_tokens=one.candidates,
                    query_texts=[one.config.query_prefix + one.benchmark.query_texts[query] for query in timed],
                    queries=np.load(folder / "queries.npy", mmap_mode="r"),
                    candidates=np.load(folder / "candidates.npy", mmap_mode="r"),
                    config=config,
                    order=order,
                )
                rounds[name].append({**measure(subject).numbers, **references()})
    return [
        {number: float(np.median([one[number] for one in found if number in one])) for number in found[0]}
        for found in rounds
    ]


def references() -> dict[str, float]:
    """The median of eleven timings of what knows no encoder, after one that does not count."""
    square = torch.ones(1024, 1024)
    generator = np.random.default_rng(0)
    memory, places = np.ones(16_000_000, dtype=np.int32), generator.integers(0, 16_000_000, 500_000)

    def sweep() -> dict[str, FloatArray]:
        started = time.perf_counter()
        torch.mm(square, square)
        multiplied = time.perf_counter()
        memory[places].sum()
        return {PRODUCT: np.array(multiplied - started), READS: np.array(time.perf_counter() - multiplied)}

    sweep()
    return {name: float(found) for name, found in medians(sweep, 11).items()}


def told(values: npt.NDArray[np.float64]) -> str:
    """The values of the runs, and by how much the largest exceeds the least."""
    return " ".join(f"{value:10.4g}" for value in values) + f"   range {values.max() / values.min() - 1:6.1%}"


def in_a_process(function: Callable[..., T], *arguments: object) -> T:
    """Calls in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder or name of an encoder")
    parser.add_argument("--evaluate", required=True, help="benchmark, as in study.run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=EfficiencyConfig().repetitions)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    config = EfficiencyConfig(repetitions=arguments.repetitions)
    asked = arguments.model, arguments.evaluate, arguments.threads
    with TemporaryDirectory() as place:
        folder = Path(place)
        in_a_process(embed, folder, *asked)
        runs = [in_a_process(run, folder, *asked, number, config) for number in range(arguments.runs)]
    records = efficiency_record(config).numbers
    ranges, copies, worst, unequal = [], [], [], []
    machine = {
        name: np.array([named.pop(name) for one in runs for named in one]).reshape(len(runs), NAMES)[:, 0]
        for name in (PRODUCT, READS)
    }
    for name in runs[0][0]:
        values = np.array([[named[name] for named in one] for one in runs])
        if not records[name].is_timed:
            unequal += [name] if np.ptp(values) else []
            continue
        ranges.append(values[:, 0].max() / values[:, 0].min() - 1)
        ratios = values[:, 1] / values[:, 0] - 1
        copies.append(np.median(ratios))
        worst.append(np.max(np.abs(ratios)))
        print(f"{name:24s} {told(values[:, 0])}   second name {copies[-1]:+6.1%}")
    for what, found in (
        ("repeat over the runs", ranges),
        ("are those of the second name", np.abs(copies)),
        ("are those of the second name in every run", worst),
    ):
        within = sum(one <= config.margin for one in found)
        middle = f"median {np.median(found):.1%}, worst {np.max(found):.1%}"
        print(f"{within} of {len(found)} timed numbers {what} within {config.margin:.0%} ({middle})")
    for name, found in machine.items():
        print(f"{name:24s} {told(found)}")
    print(f"{len(runs[0][0]) - len(ranges)} numbers that no machine changes; unequal: {', '.join(unequal) or 'none'}")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
