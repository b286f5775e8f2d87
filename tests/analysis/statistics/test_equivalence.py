import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from analysis.statistics.equivalence import equivalence_p_value, holm
from analysis.statistics.variance import two_way


@pytest.mark.parametrize("margin", [0.2, 0.5, 1.0])
def test_seeds_alone_give_the_two_one_sided_tests_of_statsmodels(margin: float) -> None:
    by_seed = np.random.default_rng(0).normal(0.1, 0.3, 8)
    parts = two_way(np.tile(by_seed[:, None], (1, 20)))
    assert equivalence_p_value(parts, margin) == pytest.approx(DescrStatsW(by_seed).ttost_mean(-margin, margin)[0])


@pytest.mark.parametrize(("value", "p"), [(0.0, 0.0), (0.004, 0.0), (0.006, 1.0), (-0.006, 1.0)])
def test_without_spread_only_the_margin_counts(value: float, p: float) -> None:
    assert equivalence_p_value(two_way(np.full((5, 10), value)), 0.005) == p


@pytest.mark.parametrize("margin", [0.0, -0.1])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        equivalence_p_value(two_way(np.zeros((2, 2))), margin)


# A call of statsmodels takes a twentieth of a second.
@settings(max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 8))
def test_unknown_p_values_do_not_count_as_comparisons(p_values: list[float], place: int) -> None:
    with_gap = [*p_values[:place], None, *p_values[place:]]
    found = holm(with_gap)
    assert found[min(place, len(p_values))] is None
    assert [p for p in found if p is not None] == holm(p_values)
    assert holm([]) == []
