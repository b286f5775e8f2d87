import math

import pytest

from trainables.ratio.controllers.bias import Bias


def test_rank_distance_is_steered_on_a_log_scale_and_the_diagonal_gap_on_a_linear_one():
    controller = Bias(target=99, gain=0.1, updates=10).controller(10)
    controller.observe(0, "mono", {"dev/bias/rank_distance": 999.0})
    assert controller.ratio(1) == pytest.approx(0.5 - 0.1 * math.log(10))
    controller = Bias(metric="diagonal_gap", target=0.1, gain=0.5, updates=10).controller(10)
    controller.observe(0, "cross", {"dev/bias/diagonal_gap": -0.1})
    assert controller.ratio(1) == pytest.approx(0.5 + 0.5 * 0.2)


def test_it_wants_the_metric_that_it_steers():
    assert Bias(target=1, updates=10).controller(10).wants(0) == {"dev/bias/rank_distance"}
    assert Bias(metric="diagonal_gap", target=0, updates=10).controller(10).wants(0) == {"dev/bias/diagonal_gap"}


def test_an_impossible_distance_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        Bias(target=10, updates=10).controller(10).observe(0, "mono", {"dev/bias/rank_distance": -1.0})


@pytest.mark.parametrize("values", [{"target": -1}, {"metric": "diagonal_gap", "target": 100}, {}])
def test_a_target_is_given_in_the_units_of_its_metric(values):
    with pytest.raises(ValueError):
        Bias(**values)
