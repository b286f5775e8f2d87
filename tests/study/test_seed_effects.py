"""benchmarks/seed_effects.py finds the variances and correlations that were planted."""

import numpy as np
import pytest

from benchmarks.seed_effects import Components, correlation, in_common

PLANTED = Components(seed=1e-4, arm_seed=4e-4, question=0.09, arm_question=25e-4, seed_question=16e-4, rest=0.01)
ARMS, SEEDS, QUESTIONS = 5, 20, 100


def values(rng: np.random.Generator, truth: Components = PLANTED) -> np.ndarray:
    shapes = {
        "seed": (1, SEEDS, 1),
        "arm_seed": (ARMS, SEEDS, 1),
        "question": (1, 1, QUESTIONS),
        "arm_question": (ARMS, 1, QUESTIONS),
        "seed_question": (1, SEEDS, QUESTIONS),
        "rest": (ARMS, SEEDS, QUESTIONS),
    }
    of_arms = rng.normal(0, 0.1, (ARMS, 1, 1))
    return sum((rng.normal(0, variance**0.5, shapes[name]) for name, variance in vars(truth).items()), of_arms)


def test_components_are_the_planted_ones_on_average() -> None:
    rng = np.random.default_rng(0)
    found = [vars(Components.of(values(rng))) for _ in range(200)]
    for name, planted in vars(PLANTED).items():
        assert np.mean([one[name] for one in found]) == pytest.approx(planted, rel=0.15), name


def test_the_interval_of_what_arms_have_in_common_holds_it_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(1)
    shared = PLANTED.seed + PLANTED.seed_question / QUESTIONS
    truth = shared / (shared + PLANTED.arm_seed + PLANTED.rest / QUESTIONS)
    inside = 0
    for _ in range(400):
        _, low, high = in_common(values(rng).mean(axis=2))
        inside += low <= truth <= high
    assert 0.92 < inside / 400 < 0.98


def test_the_correlation_of_two_arms_has_fishers_interval() -> None:
    one = np.arange(19.0)
    value, low, high = correlation(one, one + 10 * np.sin(one))
    assert value == pytest.approx(np.corrcoef(one, one + 10 * np.sin(one))[0, 1])
    assert (np.arctanh(high) - np.arctanh(low)) / 2 == pytest.approx(1.959964 / 4)
