import numpy as np
import pytest

from tests.trainables.evaluation.measures.examples import example, with_last_ranks
from trainables.evaluation.measures.rank_distance_log import RankDistanceLog


def test_it_is_the_logarithm_of_last_by_first_rank() -> None:
    assert RankDistanceLog().summary(example()) == {(): pytest.approx(np.log(5 / 2))}


def test_the_mean_is_taken_over_queries_and_then_over_languages() -> None:
    found = RankDistanceLog().summary(with_last_ranks([2, 3, 6, 2, 2, 2]))
    assert found == {(): pytest.approx((np.log(2 * 3 * 6) / 3 + np.log(2)) / 2)}
