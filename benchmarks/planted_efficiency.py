"""How often a planted difference in the cost of approximate search is found, and how often one that is not there.

    python benchmarks/planted_efficiency.py [--repetitions 100] [--studies 4000]

First with FAISS: a training seed is a cloud of vectors whose components have variances i^-a; where a is smaller the
cloud has more dimensions, and a graph or a list of cells must be searched further. Of every seed a is drawn anew. Both
arms have 5 seeds, each of which is indexed in 3 orders of insertion that both share, and is judged by the distance
computations of HNSW and IVF at recall .95, as a report does it. Truths: `none` (both arms draw a from one
distribution), `dearer` (one arm has a smaller a), `identical` (one arm under two names).

Then without: `--studies` studies per truth whose logarithms of ratios are normal, or skewed, around a true ratio, for
the family of five numbers that no machine changes. A study errs if any of its verdicts is wrong.
"""

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import numpy.typing as npt

from analysis.statistics.ratios import compare_ratio
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import FLAT, HNSW, IVF, Index
from trainables.evaluation.efficiency.recall import Neighbours, Tradeoff

SEEDS, POOL, QUERIES, WIDTH = 5, 800, 200, 32
DECAY, SPREAD, EFFECT = 1.0, 0.04, 0.2
"""Mean of a, its deviation over training seeds, and how much less it is where it is planted."""
CONFIG = EfficiencyConfig()
KINDS = (HNSW, IVF)
TRUTHS = ("none", "dearer", "identical")
FAMILY = 5
NOISE = 0.03
"""Deviation of the logarithm of a ratio over training seeds."""


def cloud(decay: float, generator: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Unit vectors of a pool and of queries, whose components have variances i^-decay."""
    points = generator.normal(size=(POOL + QUERIES, WIDTH)) * np.arange(1, WIDTH + 1) ** (-decay / 2)
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return vectors[:POOL], vectors[POOL:]


def costs(decay: float, generator: np.random.Generator) -> list[float]:
    """Distance computations at the recall of comparisons, mean over the orders of insertion, by kind of index."""
    pool, queries = cloud(decay, generator)
    neighbours = Neighbours(queries, pool, Index(FLAT, pool, np.arange(POOL), CONFIG), CONFIG.neighbours)
    found = np.zeros((CONFIG.orders, len(KINDS)))
    for order in range(CONFIG.orders):
        insertion = np.random.Generator(np.random.Philox(order)).permutation(POOL)
        for place, kind in enumerate(KINDS):
            needed = Tradeoff(Index(kind, pool, insertion, CONFIG), neighbours).needed(CONFIG.recall)
            assert needed is not None
            found[order, place] = needed.distances
    means: list[float] = found.mean(axis=0).tolist()
    return means


def study(truth: str, seed: int) -> list[str]:
    """The verdicts of a study, by kind of index."""
    generator = np.random.default_rng(seed)
    means = DECAY, DECAY - EFFECT * (truth == "dearer")
    arms = [[costs(generator.normal(mean, SPREAD), generator) for _ in range(SEEDS)] for mean in means]
    baseline, arm = (np.transpose(one).tolist() for one in (arms[0], arms[0] if truth == "identical" else arms[1]))
    return [
        compare_ratio(one, other, margin=CONFIG.margin, number=len(KINDS)).verdict
        for one, other in zip(arm, baseline, strict=True)
    ]


def with_faiss(repetitions: int) -> Iterator[tuple[str, str, Counter[str], float]]:
    """Per truth and kind of index the verdicts, and the share of studies with any `better` or `worse`."""
    for truth in TRUTHS:
        found = [study(truth, 1_000 * TRUTHS.index(truth) + repetition) for repetition in range(repetitions)]
        claimed = float(np.mean([any(one in ("better", "worse") for one in verdicts) for verdicts in found]))
        for place, kind in enumerate(KINDS):
            yield truth, kind.name, Counter(verdicts[place] for verdicts in found), claimed


def simulated(studies: int) -> Iterator[tuple[float, str, float, float, float]]:
    """Per true ratio and form of the noise: shares of studies with a wrong verdict, and of verdicts by kind."""
    margin = math.log1p(CONFIG.margin)
    for ratio in (1.0, 1.02, 1.0 + CONFIG.margin, 1.2):
        for form in ("normal", "skewed"):
            generator = np.random.default_rng(0)
            wrong, different, equivalent = 0, 0, 0
            for _ in range(studies):
                noise = generator.normal(size=(FAMILY, SEEDS))
                if form == "skewed":
                    noise = (np.exp(0.5 * noise) - math.exp(0.125)) / math.sqrt(math.exp(0.25) * (math.exp(0.25) - 1))
                values = ratio * np.exp(NOISE * noise)
                verdicts = [
                    compare_ratio(one, [1.0] * SEEDS, margin=CONFIG.margin, number=FAMILY).verdict
                    for one in values.tolist()
                ]
                is_none = math.log(ratio) < margin - 1e-12
                wrong += any(
                    one == "better" or (one == "worse" and ratio == 1) or (one == "equivalent" and not is_none)
                    for one in verdicts
                )
                different += verdicts.count("worse")
                equivalent += verdicts.count("equivalent")
            total = studies * FAMILY
            yield ratio, form, wrong / studies, different / total, equivalent / total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--studies", type=int, default=4000)
    options = parser.parse_args()
    started = time.process_time()
    print("true ratio  noise   any wrong  worse  equivalent")
    for ratio, form, wrong, different, equivalent in simulated(options.studies):
        print(f"{ratio:10.2f}  {form:<7} {wrong:9.3f} {different:6.3f} {equivalent:11.3f}")
    print(f"{options.studies} studies of {SEEDS} seeds, {FAMILY} numbers each\n")
    print("truth      index  any different  verdicts")
    for truth, kind, verdicts, claimed in with_faiss(options.repetitions):
        said = ", ".join(f"{verdict} {number}" for verdict, number in verdicts.most_common())
        print(f"{truth:<10} {kind:<6} {claimed:13.3f}  {said}", flush=True)
    print(f"{options.repetitions} repetitions; {time.process_time() - started:.0f} s of processor time")


if __name__ == "__main__":
    main()
