"""How often a planted effect of a factor's levels is found, and how often one that is not there is claimed.

    python benchmarks/planted_levels.py [--repetitions 500] [--seeds 5] [--questions 150]

Two arms at the levels of a factor, judged as a report judges them (analysis/findings/levels.py): the change of their
difference from the smallest size to the others, one family over all settings; and what the levels change in each arm,
at every two levels, one family where the objective looks. A value is the mean of its arm and level, the difficulty of
its question (shared by all), what the arm makes of the question, and noise of the training seed. The noise over seeds
is normal or skewed (a chi² variable of 3 degrees, of the same variance).

Truths of the size: none of the differences changes, or the difference grows by .03 from size to size in one setting.
Truths of the batch, in levels like those of the space `batch_size`: nothing matters, or the negatives alone do: .03
wherever a query has those of the large batch.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import judged_by_weights

EFFECT = 0.03
SEED_DEVIATION = 0.01
SIZES, SETTINGS = ("xs", "s", "m"), ("monolingual", "cross-lingual", "multilingual")
LEVELS = ("24", "96", "96, pairs of 24", "96, negatives of 24")
MANY_NEGATIVES = ("96", "96, pairs of 24")
CHANGE = np.array([1.0, -1.0, -1.0, 1.0])

Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
NOISES: dict[str, Noise] = {
    "normal": lambda chance, seeds: chance.normal(0, SEED_DEVIATION, seeds),
    "skewed": lambda chance, seeds: SEED_DEVIATION * (chance.chisquare(3, seeds) - 3) / np.sqrt(6),
}


class World:
    """The questions of a study, on which any arm can be judged."""

    def __init__(self, number: int, noise: Noise, seeds: int, questions: int) -> None:
        self._chance = np.random.default_rng(number)
        self._noise, self._seeds, self._questions = noise, seeds, questions
        self._difficulty = self._chance.normal(0, 0.15, questions)

    def table(self, mean: float) -> QuestionTable:
        """An arm of this true mean."""
        own = self._chance.normal(0, 0.05, self._questions)
        runs = self._noise(self._chance, self._seeds)[:, None]
        rest = self._chance.normal(0, 0.05, (self._seeds, self._questions))
        values = mean + self._difficulty + (own - own.mean()) + runs + rest
        names = [str(number) for number in range(self._questions)]
        return QuestionTable.from_cells(range(self._seeds), names, ["en"], values[:, :, None])


def changes_with_size(world: World, growth: float) -> Iterator[tuple[float, str]]:
    """Every change of the difference between two arms: the true one and the verdict."""
    number = len(SETTINGS) * (len(SIZES) - 1)
    for setting in SETTINGS:
        grows = growth if setting == SETTINGS[-1] else 0.0
        arms = [(world.table(0.4 + place * grows), world.table(0.38)) for place in range(len(SIZES))]
        for place in range(1, len(SIZES)):
            four = [*arms[place], *arms[0]]
            panel = Panel.of({str(index): table for index, table in enumerate(four)})
            yield place * grows, judged_by_weights(panel, CHANGE, number).verdict


def effects_of_batches(world: World, effect: float) -> Iterator[tuple[float, str]]:
    """What every two levels change in both arms: the true effect and the verdict."""
    means = {level: 0.4 + effect * (level in MANY_NEGATIVES) for level in LEVELS}
    number = 2 * len(list(combinations(LEVELS, 2)))
    for _ in range(2):
        tables = {level: world.table(mean) for level, mean in means.items()}
        for than, level in combinations(LEVELS, 2):
            panel = Panel.of({"0": tables[level], "1": tables[than]})
            yield means[level] - means[than], judged_by_weights(panel, np.array([1.0, -1.0]), number).verdict


def main() -> None:
    """Prints a row per truth and noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=150)
    asked = parser.parse_args()
    print("| truth | noise over seeds | studies with a claim that is wrong | planted effects that are found |")
    print("|---|---|---|---|")
    for name, judged in (("size", changes_with_size), ("batch, negatives alone", effects_of_batches)):
        for effect in (0.0, EFFECT):
            for kind, noise in NOISES.items():
                wrong, found = 0, []
                for repetition in range(asked.repetitions):
                    world = World(repetition, noise, asked.seeds, asked.questions)
                    outcomes = list(judged(world, effect))
                    right = {0.0: ("not separable", "equivalent")}
                    wrong += any(
                        verdict not in right.get(truth, ("not separable", "better" if truth > 0 else "worse"))
                        for truth, verdict in outcomes
                    )
                    found += [verdict in ("better", "worse") for truth, verdict in outcomes if truth]
                share = f"{np.mean(found):.3f}" if found else ""
                print(f"| {name}: {effect:g} | {kind} | {wrong / asked.repetitions:.3f} | {share} |", flush=True)


if __name__ == "__main__":
    main()
