import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from analysis.statistics.errors import StatisticsError
from analysis.statistics.scaling import SizedRun, fit_scaling, interaction_p_value

SIZES = (2.8e8, 5.6e8, 3.5e9, 1.07e10)


def ladder(
    gain: float, change: float, sd: float = 0.005, seeds: int = 5, sizes: tuple[float, ...] = SIZES
) -> list[SizedRun]:
    """Runs of a baseline and of a strategy whose gain is `gain` at the smallest size and changes per factor of ten."""
    rng = np.random.default_rng(0)
    runs = []
    for size in sizes:
        depth = np.log10(size / sizes[0])
        for seed in range(seeds):
            common = 0.5 + 0.05 * depth + rng.normal(0, 0.02)
            runs.append(SizedRun("X-X-mono", size, seed, common + rng.normal(0, sd)))
            runs.append(SizedRun("hybrid", size, seed, common + gain + change * depth + rng.normal(0, sd)))
    return runs


def test_the_interaction_agrees_with_statsmodels() -> None:
    runs = [*ladder(0.03, -0.01), *(SizedRun("X-Y", r.size, r.seed, r.value + 0.01) for r in ladder(0.0, 0.02)[::2])]
    frame = pd.DataFrame(runs).assign(x=lambda f: np.log10(f["size"]))
    common = smf.ols("value ~ C(strategy) + x", frame).fit()
    each = smf.ols("value ~ C(strategy) * x", frame).fit()
    assert interaction_p_value(runs) == pytest.approx(sm.stats.anova_lm(common, each)["Pr(>F)"].iloc[1])


def test_the_gain_at_the_largest_size_agrees_with_statsmodels() -> None:
    runs = ladder(0.03, -0.005)
    frame = pd.DataFrame(runs).pivot(index=["size", "seed"], columns="strategy", values="value").reset_index()
    frame["gain"] = frame["hybrid"] - frame["X-X-mono"]
    frame["x"] = np.log10(frame["size"] / max(SIZES))
    oracle = smf.ols("gain ~ x", frame).fit()
    (found,) = fit_scaling(runs, "X-X-mono").gains
    assert (found.gain, found.change) == pytest.approx(tuple(oracle.params))
    assert found.p == pytest.approx(oracle.pvalues["x"])
    assert found.gain_interval == pytest.approx(tuple(oracle.conf_int().loc["Intercept"]))
    assert found.change_interval == pytest.approx(tuple(oracle.conf_int().loc["x"]))


@pytest.mark.parametrize(
    ("gain", "change", "higher_is_better", "verdict", "direction"),
    [
        (0.03, 0.0, True, "a gain", "no trend"),
        (0.03, 0.03, True, "a gain", "grows"),
        (0.05, -0.015, True, "a gain", "shrinks"),
        (0.05, -0.06, True, "a loss", "shrinks"),
        (0.05, -0.05 / np.log10(SIZES[-1] / SIZES[0]), True, "not separable", "shrinks"),
        (-0.03, 0.0, False, "a gain", "no trend"),
        (-0.05, 0.06, False, "a loss", "shrinks"),
        (-0.01, 0.03, True, "a gain", "grows"),
        (-0.05, -0.03, True, "a loss", "shrinks"),
        (-0.05, -0.03, False, "a gain", "grows"),
    ],
)
def test_the_trend_says_what_becomes_of_the_gain(
    gain: float, change: float, higher_is_better: bool, verdict: str, direction: str
) -> None:
    (found,) = fit_scaling(ladder(gain, change), "X-X-mono", higher_is_better=higher_is_better).gains
    assert (found.verdict, found.direction) == (verdict, direction)
    assert (found.smallest, found.largest) == (min(SIZES), max(SIZES))


def test_every_strategy_has_a_curve_and_all_but_the_baseline_a_gain() -> None:
    found = fit_scaling(ladder(0.02, 0.0), "hybrid")
    assert set(found.curves) == {"X-X-mono", "hybrid"}
    assert [g.strategy for g in found.gains] == ["X-X-mono"]


def test_the_order_of_runs_does_not_matter() -> None:
    runs = ladder(0.02, 0.01)
    one, other = fit_scaling(runs, "X-X-mono"), fit_scaling(runs[::-1], "X-X-mono")
    assert other.interaction_p == pytest.approx(one.interaction_p)
    assert other.gains[0].gain == pytest.approx(one.gains[0].gain)


def test_one_seed_at_two_sizes_has_no_interval() -> None:
    found = fit_scaling(ladder(0.02, 0.0, seeds=1, sizes=(1e8, 1e9)), "X-X-mono")
    assert found.interaction_p is None
    assert (found.gains[0].gain_interval, found.gains[0].p, found.gains[0].verdict) == (None, None, "not separable")
    assert found.gains[0].direction is None


def test_runs_without_spread_give_no_warning() -> None:
    runs = [SizedRun(s, size, seed, 0.5) for s in ("X-X-mono", "hybrid") for size in SIZES for seed in range(3)]
    found = fit_scaling(runs, "X-X-mono")
    assert found.interaction_p == 1
    assert (found.gains[0].gain, found.gains[0].p, found.gains[0].verdict) == (0, 1, "not separable")


@pytest.mark.parametrize(
    ("runs", "baseline", "message"),
    [
        (ladder(0, 0), "X-Y", "Baseline 'X-Y' has no run"),
        (ladder(0, 0, sizes=(1e8,)), "hybrid", "one size only"),
        ([*ladder(0, 0), SizedRun("hybrid", 1e8, 9, float("nan"))], "hybrid", "no finite value"),
        ([*ladder(0, 0), SizedRun("hybrid", 0, 9, 0.5)], "hybrid", "positive size"),
        (
            [r if r.strategy == "hybrid" else SizedRun(r.strategy, r.size, 7, 0.1) for r in ladder(0, 0)],
            "hybrid",
            "share",
        ),
    ],
)
def test_what_has_no_trend_is_refused(runs: list[SizedRun], baseline: str, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        fit_scaling(runs, baseline)


def test_the_interaction_errs_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(1_000):
        runs = [
            SizedRun(s, size, seed, 0.05 * np.log10(size) + rng.normal(0, 0.01))
            for s in ("a", "b")
            for size in SIZES
            for seed in range(3)
        ]
        found.append(interaction_p_value(runs))
    assert stats.kstest(found, "uniform").pvalue > 0.001
