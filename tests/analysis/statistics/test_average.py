"""Means over levels: how often their intervals hold and their verdicts err, whatever seeds of levels have in common."""

import numpy as np
import pytest

from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable, average
from analysis.statistics.significance import arm_mean, judge

QUESTIONS, LEVELS = 100, 3


def levels(rng: np.random.Generator, seeds: int, shared: float) -> list[QuestionTable]:
    """Differences of two equal arms at several levels; `shared`: share of the variance of seeds that levels share."""
    every_level = rng.normal(0, 0.01, (seeds, 1)) * np.sqrt(shared)
    question = rng.normal(0, 0.05, (1, QUESTIONS))
    tables = []
    for _ in range(LEVELS):
        seed = every_level + rng.normal(0, 0.01, (seeds, 1)) * np.sqrt(1 - shared)
        values = seed + question + rng.normal(0, 0.03, (1, QUESTIONS)) + rng.normal(0, 0.1, (seeds, QUESTIONS))
        tables.append(
            QuestionTable.from_cells(range(seeds), [str(q) for q in range(QUESTIONS)], ["x"], values[:, :, None])
        )
    return tables


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_mean_over_levels_holds_its_promises(seeds: int, shared: float) -> None:
    rng = np.random.default_rng([seeds, int(10 * shared)])
    simulations, covered, wrong = 600, 0, 0
    for _ in range(simulations):
        panel = Panel.of({"a": average(levels(rng, seeds, shared)), "b": average(levels(rng, seeds, shared))})
        low, high = arm_mean(panel, "a", is_share=False).interval or (0.0, 0.0)
        covered += low <= 0 <= high
        wrong += judge(panel, "a", "b", 1, margin=None).verdict != "not separable"
    error = 3 * np.sqrt(0.05 * 0.95 / simulations)
    assert covered / simulations >= 0.95 - error
    assert wrong / simulations <= 0.05 + error
