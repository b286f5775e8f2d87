"""How long the planning of one batch takes, beside a bare random choice measured in the same run.

    python benchmarks/plan_batches.py [--items 1000000] [--batch-size 48]

Prints microseconds per batch (median over steps; the mean includes the shuffling of new epochs), and the seconds and
memory that making the planner took. The bound is what the simplest sampler costs: B random items, B random languages
and their texts, without any rule.
"""

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from trainables.batches.planner import BatchPlanner
from trainables.corpora.negatives import NO_NEGATIVES
from trainables.corpora.pairs import TrainingData
from trainables.corpora.texts import Texts

LANGUAGES = 11
STEPS = 3000


def synthetic(items: int, *, coverage: float = 1.0, in_big_group: float = 0.0) -> TrainingData:
    """Items with all texts distinct, each there with probability `coverage`; the first items make one big group."""
    generator = np.random.default_rng(0)
    slots = np.arange(items * LANGUAGES, dtype=np.int32).reshape(items, LANGUAGES)
    query_text = np.where(generator.random((items, LANGUAGES)) < coverage, slots, -1).astype(np.int32)
    passage_text = np.where(query_text >= 0, query_text + items * LANGUAGES, -1).astype(np.int32)
    group = np.arange(items, dtype=np.int64)
    group[: int(items * in_big_group)] = 0
    languages = tuple(f"l{number}" for number in range(LANGUAGES))
    # The planner never looks at ids and texts.
    return TrainingData(
        negatives=NO_NEGATIVES,
        set_names=("set",),
        languages=languages,
        item_ids=("",) * items,
        set_of_item=np.zeros(items, dtype=np.int32),
        group_of_item=group,
        groups_in_files=items,
        texts=Texts(),
        query_text=query_text,
        passage_text=passage_text,
        text_form=np.arange(2 * items * LANGUAGES, dtype=np.int32),
        fingerprint="0",
    )


def microseconds(call: Callable[[int], object]) -> tuple[float, float]:
    """Median and mean of the calls with 0, 1, ..., after a warm-up."""
    call(0)
    times = []
    for step in range(STEPS):
        start = time.perf_counter()
        call(step)
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times), statistics.mean(times)


def bound(data: TrainingData, batch_size: int) -> Callable[[int], object]:
    """A sampler without any rule."""
    generator = np.random.default_rng(0)

    def sample(step: int) -> object:
        items = generator.integers(0, len(data), batch_size)
        languages = generator.integers(0, LANGUAGES, (2, batch_size))
        return data.query_text[items, languages[0]], data.passage_text[items, languages[1]]

    return sample


def peak_megabytes(call: Callable[[], object]) -> float:
    """The most memory that a call holds at once."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def main() -> None:
    """Runs all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--batch-size", type=int, default=48)
    arguments = parser.parse_args()
    many, few = arguments.items, max(750, 4 * arguments.batch_size)
    cases: dict[str, Callable[[], TrainingData]] = {
        f"{few:,} items": partial(synthetic, few),
        f"{many:,} items": partial(synthetic, many),
        f"{many:,} items, half of the texts missing": partial(synthetic, many, coverage=0.5),
        f"{many:,} items, half of them one group": partial(synthetic, many, in_big_group=0.5),
        f"{many:,} items, 99 % of them one group": partial(synthetic, many, in_big_group=0.99),
    }
    print(f"batch size {arguments.batch_size}, {LANGUAGES} languages, {STEPS} steps; µs per batch: median (mean)")
    for name, make in cases.items():
        data = make()
        start = time.perf_counter()
        planner = BatchPlanner(data, arguments.batch_size, seed=0)
        seconds = time.perf_counter() - start
        peak = peak_megabytes(partial(BatchPlanner, data, arguments.batch_size, seed=0))
        print(f"{name}: planner made in {seconds:.2f} s, with at most {peak:.0f} MB beside the data")
        samplers: dict[str, Callable[[int], object]] = {"bare random choice": bound(data, arguments.batch_size)}
        samplers["mono"] = partial(planner.batch, kind="mono")
        samplers["cross"] = partial(planner.batch, kind="cross")
        for label, sampler in samplers.items():
            median, mean = microseconds(sampler)
            print(f"    {label:<20}{median:8.1f} ({mean:.1f})")


if __name__ == "__main__":
    main()
