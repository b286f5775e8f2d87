import pytest

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of
from trainables.evaluation.measures.success import Success


@pytest.mark.parametrize("levels", LEVELS)
def test_success_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, success_1="success_1", success_10="success_10")


def test_success_counts_queries_with_a_hit_and_not_hits() -> None:
    assert Success(3).values(searches_of([1, 2, 3, 90], [4], [3, 7])).tolist() == [1.0, 0.0, 1.0]
