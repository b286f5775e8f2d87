import numpy as np
import pytest
from scipy.stats import binom

from trainables.evaluation.efficiency.query_latency import has_interval


@pytest.mark.parametrize(("share", "least"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_a_percentile_is_told_where_its_interval_is_finite(share: float, least: int) -> None:
    assert has_interval(share, least)
    assert not has_interval(share, least - 1)
    # The largest of n is below the quantile only where all of them are.
    assert binom.pmf(least, least, share) <= 0.025 < binom.pmf(least - 1, least - 1, share)


def test_the_interval_covers() -> None:
    values = np.random.default_rng(0).exponential(size=(4000, 368))
    assert (values.max(axis=1) > -np.log(0.01)).mean() >= 0.975 - 0.01
