import numpy as np
import pytest
from scipy import stats

from analysis.statistics.spending import levels_from_paths, nominal_levels, spent


def normal_paths(looks: int, paths: int, seed: int) -> np.ndarray:
    sums = np.cumsum(np.random.default_rng(seed).standard_normal((paths, looks)), axis=1)
    return 2 * stats.norm.sf(np.abs(sums) / np.sqrt(np.arange(1, looks + 1)))


@pytest.mark.parametrize(
    ("spending", "bounds"),
    [
        # Five equal looks at two-sided .05: Lan and DeMets (1983), as printed by the programs ld98 and ldbounds.
        (lambda t: 0.05 * np.log1p((np.e - 1) * t), [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        (lambda t: 4 * stats.norm.sf(stats.norm.isf(0.0125) / np.sqrt(t)), [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_bounds_agree_with_the_published_ones(spending: object, bounds: list[float]) -> None:
    shares = [float(spending(k / 5)) for k in range(1, 6)]
    levels = levels_from_paths(normal_paths(5, 400_000, 0), shares)
    for level, bound, share in list(zip(levels, bounds, shares, strict=True))[1:]:
        # The chance of a few paths in 400,000 is known to a few per cent only.
        assert stats.norm.isf(level / 2) == pytest.approx(bound, abs=0.02 + 2e-5 / share)


@pytest.mark.parametrize(("first", "most"), [(3, 10), (5, 10), (2, 4), (3, 20)])
def test_all_looks_together_err_as_often_as_allowed(first: int, most: int) -> None:
    looks = tuple(range(first, most + 1))
    levels = nominal_levels(looks, most, 0.05)
    assert all(0 < level < 0.05 for level in levels)
    one, other = np.random.default_rng(1).standard_normal((2, 50_000, most))
    p_values = np.stack(
        [stats.ttest_ind(one[:, :n], other[:, :n], axis=1, equal_var=False).pvalue for n in looks], axis=1
    )
    assert (p_values <= levels).any(axis=1).mean() == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 50_000))


def test_a_look_is_not_changed_by_the_looks_that_follow() -> None:
    levels = nominal_levels((3, 4, 7, 10), 10, 0.05)
    assert nominal_levels((3, 4), 10, 0.05) == levels[:2]
    assert nominal_levels((3, 4, 7, 10), 10, 0.05) == levels


def test_a_single_look_at_the_end_is_an_ordinary_test() -> None:
    assert nominal_levels((8,), 8, 0.05)[0] == pytest.approx(0.05, abs=0.002)


def test_the_whole_error_is_spent_at_the_end() -> None:
    assert spent(1, 0.05) == 0.05
    assert spent(0.5, 0.05) < 0.5 * 0.05


@pytest.mark.parametrize("looks", [(), (1, 2), (3, 3), (4, 3), (3, 11)])
def test_looks_that_do_not_rise_within_the_seeds_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Looks must rise"):
        nominal_levels(looks, 10, 0.05)
