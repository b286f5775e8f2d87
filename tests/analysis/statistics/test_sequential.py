import numpy as np
import pytest
from scipy import stats

from analysis.statistics.questions import QuestionTable
from analysis.statistics.sequential import FIRST_LOOK, SequentialDecision, decide

QUESTIONS = 150


def table_of(values: np.ndarray) -> QuestionTable:
    return QuestionTable.from_cells(
        range(len(values)), [str(q) for q in range(values.shape[1])], ["all"], values[:, :, None]
    )


def follow(values: np.ndarray, most: int, **options: object) -> SequentialDecision:
    """Adds seeds one by one until the rule says stop."""
    for seeds in range(FIRST_LOOK, most + 1):
        looks = range(FIRST_LOOK, seeds + 1)
        some = table_of(values[:seeds])
        decision = decide(some, table_of(np.zeros_like(values[:seeds])), looks, most, **options)
        if decision.stop:
            return decision
    raise AssertionError("the rule never stopped")


def noise(rng: np.random.Generator, most: int, seed_sd: float = 0.01, question_sd: float = 0.05) -> np.ndarray:
    return (
        rng.normal(0, seed_sd, (most, 1))
        + rng.normal(0, question_sd, (1, QUESTIONS))
        + rng.normal(0, 0.1, (most, QUESTIONS))
    )


@pytest.mark.parametrize(
    ("shift", "higher_is_better", "verdict"),
    [(0.3, True, "better"), (-0.3, True, "worse"), (0.3, False, "worse"), (-0.3, False, "better")],
)
def test_a_large_difference_stops_early(shift: float, higher_is_better: bool, verdict: str) -> None:
    found = follow(shift + noise(np.random.default_rng(0), 10), 10, higher_is_better=higher_is_better)
    assert found.verdict == verdict
    assert found.n_seeds == FIRST_LOOK
    assert found.interval[0] < shift < found.interval[1]
    assert "no more seeds are needed" in found.sentence


def test_a_difference_within_the_margin_stops_early_as_equivalent() -> None:
    found = follow(noise(np.random.default_rng(1), 10), 10, margin=0.2)
    assert (found.verdict, found.n_seeds) == ("equivalent", FIRST_LOOK)


def test_no_difference_uses_all_seeds_and_then_stops() -> None:
    found = follow(noise(np.random.default_rng(2), 6), 6, margin=None)
    assert (found.stop, found.verdict, found.n_seeds) == (True, "not separable", 6)
    assert "the last look" in found.sentence


def test_an_open_comparison_asks_for_another_seed() -> None:
    values = noise(np.random.default_rng(2), 3)
    found = decide(table_of(values), table_of(np.zeros_like(values)), (3,), 6)
    assert (found.stop, found.verdict) == (False, "not separable")
    assert "another seed is added" in found.sentence


def test_seeds_alone_are_judged_by_welch_s_t_test() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(0.02, 0.02, 4), rng.normal(0, 0.02, 4)
    tables = [table_of(np.tile(by_seed[:, None], (1, QUESTIONS))) for by_seed in (one, other)]
    found = decide(*tables, (3, 4), 8, margin=None)
    # The degrees of freedom are bounded by those of mean squares at their upper bound: equal factors cancel.
    expected = stats.ttest_ind(one, other, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(1 - found.level)))


def test_identical_arms_are_equivalent_at_the_first_look() -> None:
    found = follow(np.zeros((5, QUESTIONS)), 5)
    assert (found.verdict, found.n_seeds, found.interval, found.p) == ("equivalent", FIRST_LOOK, (0.0, 0.0), 1.0)


@pytest.mark.parametrize("looks", [(), (3,), (3, 4, 5)])
def test_the_last_look_is_the_seeds_at_hand(looks: tuple[int, ...]) -> None:
    values = np.zeros((4, 10))
    with pytest.raises(ValueError, match="4 seeds at hand"):
        decide(table_of(values), table_of(values), looks, 10)


@pytest.mark.slow
@pytest.mark.parametrize(("seed_sd", "question_sd"), [(0.01, 0.05), (0.05, 0.0), (0.0, 0.1)])
def test_looking_after_every_seed_errs_at_most_once_in_twenty(seed_sd: float, question_sd: float) -> None:
    rng = np.random.default_rng(4)
    simulations, wrong = 1_000, 0
    by_seed = np.empty((simulations, 10))
    for number in range(simulations):
        values = noise(rng, 10, seed_sd, question_sd)
        wrong += follow(values, 10, margin=None).verdict != "not separable"
        by_seed[number] = values.mean(axis=1)
    looks = [stats.ttest_1samp(by_seed[:, :n], 0, axis=1).pvalue <= 0.05 for n in range(FIRST_LOOK, 11)]
    peeking = np.any(looks, axis=0).sum()
    # Two standard errors of the simulation above the level; a t test of the seeds after each seed is far above it.
    assert wrong / simulations <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / simulations)
    assert peeking / simulations > 0.10
