"""How often whole studies find what was planted, and how often they find what is not there.

    python benchmarks/planted_truth.py [--repetitions 40] [--more 1000]

Three truths (tests/study/planted.py): a constant ratio is best; a falling ratio is truly better, by 0.04; the ratio
does not matter. Every repetition is another world: other noise, other values tried in the search.

First, `--repetitions` studies per truth run through Ray Tune and Optuna: 4 search trials in each of 4 branches, then 5
confirm seeds of every arm, judged by `analysis` from the records. Then `--more` studies per truth run the same plan,
the same trials and the same statistics without Ray, over the space `dynamic_vs_static` with its own numbers of trials
and seeds. The first ones of the small space are run both ways and must agree to the last digit.

A schedule counts as called better if the main comparison says so in any of the three settings. Under "no difference"
that is a false positive, whatever the learning rates: the search may find a better one for either side.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from scipy import stats

from search_spaces.dynamic_vs_static import dynamic_vs_static
from tests.study.planted import (
    BEST_RATIO,
    GAIN,
    SETTINGS,
    SPACE,
    SURFACES,
    Finding,
    Planted,
    finding_of,
    ray_for_many_studies,
    study_with_ray,
    study_without_ray,
)

AGREE = 3
"""Worlds per truth that are run with Ray and without."""


def is_right(case: str, finding: Finding) -> bool:
    """Whether the search chose what the truth says, as far as it is about arms."""
    if case == "best constant":
        ratio = finding.static.ratio
        value = ratio.constant_value()
        return value is not None and abs(value - BEST_RATIO) <= 0.2 and finding.true_difference < 0
    if case == "falling is better":
        return finding.true_difference >= 0.75 * GAIN
    return True


def share(hits: int, of: int) -> str:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    low, high = stats.binomtest(hits, of).proportion_ci(method="exact")
    return f"{hits}/{of} = {hits / of:.3f} [{low:.3f}, {high:.3f}]"


def print_case(case: str, findings: Sequence[Finding], seconds: float) -> None:
    count = len(findings)
    truth = np.array([finding.true_difference for finding in findings])
    errors = np.array([finding.difference for finding in findings]) - truth
    print(f"  {case}: {count} studies, {seconds:.0f} s")
    if case != "no difference":
        print(f"    right arms chosen: {share(sum(is_right(case, finding) for finding in findings), count)}")
    print(f"    true difference of the chosen arms: mean {truth.mean():+.4f}, spread {truth.std():.4f}")
    print(f"    measured less true: mean {errors.mean():+.4f}, spread {errors.std():.4f}")
    for setting in findings[0].verdicts:
        counts = Counter(finding.verdicts[setting] for finding in findings)
        print(f"    {setting}: {', '.join(f'{verdict} {number}' for verdict, number in counts.most_common())}")
    better = sum(finding.any_better for finding in findings)
    print(f"    best dynamic called better than best static in any setting: {share(better, count)}")
    worse = sum("worse" in finding.verdicts.values() for finding in findings)
    print(f"    called worse in any setting: {share(worse, count)}")
    steps = sum(f.searched_steps for f in findings) / sum(f.planned_steps for f in findings)
    if steps < 1:
        print(f"    training steps of the search saved by early stopping: {1 - steps:.3f}")
    sys.stdout.flush()


def repeat(case: str, repetitions: int, run: Callable[[Planted], Finding]) -> list[Finding]:
    findings, started = [], time.perf_counter()
    for world in range(repetitions):
        findings.append(run(Planted(case, world)))
    print_case(case, findings, time.perf_counter() - started)
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=40, help="studies per truth through Ray (default: 40)")
    parser.add_argument("--more", type=int, default=1000, help="studies per truth without Ray (default: 1000)")
    parser.add_argument("--truth", choices=tuple(SURFACES), nargs="+", default=tuple(SURFACES), help="default: all")
    parser.add_argument("--early-stopping", choices=("off", "halving"), default="off")
    options = parser.parse_args()
    settings = SETTINGS.model_copy(update={"early_stopping": options.early_stopping})

    if options.repetitions:
        print(f"Through Ray Tune and Optuna, space of {len(SPACE.branches)} branches, {SPACE.trials} trials each")
        with tempfile.TemporaryDirectory() as place, ray_for_many_studies():

            def run(planted: Planted) -> Finding:
                folder = Path(place) / f"{planted.case}-{planted.world}".replace(" ", "-")
                return finding_of(planted, *study_with_ray(planted, folder, settings=settings))

            for case in options.truth:
                found = repeat(case, options.repetitions, run)
                for world, finding in enumerate(found[:AGREE]):
                    assert study_without_ray(Planted(case, world), settings=settings) == finding
    if options.more:
        space = dynamic_vs_static()
        print(f"\nThe same plan without Ray, space {space.name}: {len(space.branches)} branches, {space.trials} trials")
        for case in options.truth:
            repeat(case, options.more, lambda planted: study_without_ray(planted, space, settings))


if __name__ == "__main__":
    main()
