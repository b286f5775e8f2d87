"""How often the intervals cover the truth and the tests err, on simulated studies whose truth is known.

The numbers of docs/statistics.md. Run: python benchmarks/statistics_coverage.py [--simulations 2000]
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.statistics.bootstrap import calibrated_interval, two_level_replicates
from analysis.statistics.power import power, smallest_detectable
from analysis.statistics.questions import QuestionTable, Values
from analysis.statistics.randomisation import paired_p_value
from analysis.statistics.sequential import FIRST_LOOK, decide
from analysis.statistics.significance import Contrast, compare
from analysis.statistics.variance import TwoWay, two_way

LANGUAGES = 11
RESAMPLES = 1_000


@dataclass(frozen=True)
class Scenario:
    """Standard deviations of the value of one query: by seed, question, question in one run, translation, noise."""

    name: str
    seed: float
    question: float
    run: float
    translation: float
    noise: float


SCENARIOS = (
    Scenario("arm mean", 0.01, 0.30, 0.10, 0.10, 0.10),
    Scenario("difference", 0.01, 0.05, 0.10, 0.10, 0.15),
    Scenario("difference, noisy seeds", 0.02, 0.05, 0.10, 0.10, 0.15),
    Scenario("difference, equal seeds", 0.00, 0.05, 0.10, 0.10, 0.15),
)


def simulate(scenario: Scenario, seeds: int, questions: int, count: int, rng: np.random.Generator) -> Iterator[Values]:
    """Yields values [seeds, questions, languages] whose true mean is zero."""
    shape = (seeds, questions, LANGUAGES)
    for _ in range(count):
        values = rng.standard_normal(shape) * scenario.noise
        values += rng.normal(0, scenario.translation, (1, questions, LANGUAGES))
        values += rng.normal(0, scenario.run, (seeds, questions, 1)) + rng.normal(
            0, scenario.question, (1, questions, 1)
        )
        yield values + rng.normal(0, scenario.seed, (seeds, 1, 1))


def table_of(values: Values) -> QuestionTable:
    seeds, questions, cells = values.shape
    return QuestionTable(
        tuple(range(seeds)),
        tuple(str(q) for q in range(questions)),
        tuple(str(c) for c in range(cells)),
        values,
        np.ones((questions, cells)),
        np.full(cells, 1 / cells),
    )


def t_covers(units: Values, truth: float = 0.0) -> bool:
    half = stats.t.isf(0.025, len(units) - 1) * units.std(ddof=1) / np.sqrt(len(units))
    return bool(abs(units.mean() - truth) <= half)


def coverage(scenario: Scenario, seeds: int, questions: int, simulations: int) -> list[float]:
    """Share of 95 % intervals that cover the truth, by method."""
    rng = np.random.default_rng([seeds, questions])
    hits = []
    for number, values in enumerate(simulate(scenario, seeds, questions, simulations, rng)):
        table = table_of(values)
        naive = np.quantile(two_level_replicates(table, RESAMPLES, number), [0.025, 0.975])
        low, high = calibrated_interval(table, two_way(table.values), level=0.95, resamples=RESAMPLES, seed=number)
        hits.append(
            (
                t_covers(values.ravel()),
                t_covers(values.mean(axis=0).ravel()),
                t_covers(values.mean(axis=(0, 2))),
                t_covers(values.mean(axis=(1, 2))),
                naive[0] <= 0 <= naive[1],
                low <= 0 <= high,
            )
        )
    return [float(share) for share in np.mean(hits, axis=0)]


def errors(scenario: Scenario, seeds: int, questions: int, simulations: int) -> list[float]:
    """Wrong test; wrong better or worse; wrong equivalent at a true difference of the margin; power at its target."""
    rng = np.random.default_rng([seeds, questions, 1])
    parts = TwoWay(0.0, *expected_squares(scenario, seeds, questions), seeds, questions)
    target = smallest_detectable(parts, 0.05)
    if target is None or abs(power(target, parts, 0.05) - 0.8) > 1e-4:
        raise ValueError(f"{scenario.name}, {seeds} seeds: {target} is not found with a chance of .80")
    margin = 2 * target
    found = []
    for number, values in enumerate(simulate(scenario, seeds, questions, simulations, rng)):
        zero = table_of(np.zeros_like(values))
        null, shifted, edge = (table_of(values + shift) for shift in (0.0, target, margin))
        verdicts = [
            compare([Contrast(t, zero, margin=m)], resamples=RESAMPLES, seed=number)[0].verdict
            for t, m in ((null, None), (edge, margin))
        ]
        found.append(
            (
                paired_p_value(null.values, RESAMPLES, number) <= 0.05,
                verdicts[0] in ("better", "worse"),
                verdicts[1] == "equivalent",
                paired_p_value(shifted.values, RESAMPLES, number) <= 0.05,
            )
        )
    return [float(share) for share in np.mean(found, axis=0)]


def expected_squares(scenario: Scenario, seeds: int, questions: int) -> tuple[float, float, float]:
    rest = scenario.run**2 + scenario.noise**2 / LANGUAGES
    question = scenario.question**2 + scenario.translation**2 / LANGUAGES
    return questions * scenario.seed**2 + rest, seeds * question + rest, rest


def by_mean_squares(scenario: Scenario, seeds: int, questions: int, simulations: int) -> list[float]:
    """Coverage of the t interval, level of the two-sided and of one of the two one-sided t tests.

    Draws the mean and the mean squares of many studies from their distributions: fast, but without the bootstrap.
    """
    rng = np.random.default_rng([seeds, questions, 2])
    expected = expected_squares(scenario, seeds, questions)
    degrees = (seeds - 1, questions - 1, (seeds - 1) * (questions - 1))
    squares = [e * rng.chisquare(d, simulations) / d for e, d in zip(expected, degrees, strict=True)]
    variance = (expected[0] - expected[2] + expected[1]) / (seeds * questions)
    means = rng.normal(0, np.sqrt(variance), simulations)
    studies = [TwoWay(*map(float, row), seeds, questions) for row in zip(means, *squares, strict=True)]
    statistics = np.array([study.statistic for study in studies])
    of_interval = np.array([study.interval_degrees_of_freedom for study in studies])
    cautious = np.array([study.cautious_degrees_of_freedom for study in studies])
    covered = np.abs(statistics) <= stats.t.isf(0.025, of_interval)
    return [
        float(share.mean())
        for share in (
            covered,
            np.abs(statistics) > stats.t.isf(0.025, cautious),
            statistics > stats.t.isf(0.05, cautious),
        )
    ]


def peeking(scenario: Scenario, most: int, first: int, questions: int, simulations: int) -> list[float]:
    """False positives of fixed 5 % tests and of the sequential rule, looked at after every seed; mean seeds used."""
    rng = np.random.default_rng([most, first, questions])
    outcomes = []
    for values in simulate(scenario, most, questions, simulations, rng):
        full = table_of(values.mean(axis=2, keepdims=True))
        zero = table_of(np.zeros((most, questions, 1)))
        fixed = wrong = False
        used = most
        for seeds in range(first, most + 1):
            some = tuple(range(seeds))
            looks = range(first, seeds + 1)
            decision = decide(full.of_seeds(some), zero.of_seeds(some), looks, most, margin=None)
            fixed |= decision.p <= 0.05
            if decision.stop and used == most:
                wrong |= decision.verdict in ("better", "worse")
                used = seeds
        outcomes.append((fixed, wrong))
    return [float(share) for share in np.mean(outcomes, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1_000)
    simulations = parser.parse_args().simulations
    print(
        f"{simulations} simulations each; {LANGUAGES} languages; standard error of a share of .95: "
        f"{np.sqrt(0.95 * 0.05 / simulations):.4f}\n"
    )
    started = time.perf_counter()
    print("Coverage of 95 % intervals")
    print(
        "| scenario | seeds | questions | every query of every run | every query | questions | seeds | "
        "plain two-level bootstrap | this project |\n|--|--|--|--|--|--|--|--|--|"
    )
    for scenario in SCENARIOS:
        for seeds, questions in itertools.product((2, 3, 5, 10), (150, 1190)):
            shares = " | ".join(f"{share:.3f}" for share in coverage(scenario, seeds, questions, simulations))
            print(f"| {scenario.name} | {seeds} | {questions} | {shares} |", flush=True)
    print("\nErrors of the test and the verdict (nominal .05), power where .80 is predicted")
    print("| scenario | seeds | test | wrong better or worse | wrong equivalent | power |\n|--|--|--|--|--|--|")
    for scenario in SCENARIOS[1:]:
        for seeds in (3, 5, 10):
            shares = " | ".join(f"{share:.3f}" for share in errors(scenario, seeds, 150, simulations))
            print(f"| {scenario.name} | {seeds} | {shares} |", flush=True)
    many = 20 * simulations
    print(f"\nThe t intervals and t tests alone, {many} simulations")
    print("| scenario | seeds | coverage | two-sided test | one-sided test |\n|--|--|--|--|--|")
    for scenario in SCENARIOS[1:]:
        for seeds in (2, 3, 5, 10):
            shares = " | ".join(f"{share:.3f}" for share in by_mean_squares(scenario, seeds, 150, many))
            print(f"| {scenario.name} | {seeds} | {shares} |", flush=True)
    print("\nFalse positives when looking after every seed")
    print("| scenario | looks | 5 % test at every look | sequential rule |\n|--|--|--|--|")
    for scenario in SCENARIOS[1:]:
        for first, most in ((FIRST_LOOK, 10), (5, 10), (FIRST_LOOK, 20)):
            shares = " | ".join(f"{share:.3f}" for share in peeking(scenario, most, first, 150, simulations))
            print(f"| {scenario.name} | {first} to {most} | {shares} |", flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
