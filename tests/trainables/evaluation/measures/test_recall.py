import pytest

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of
from trainables.evaluation.measures.recall import Recall


@pytest.mark.parametrize("levels", LEVELS)
def test_recall_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, recall_1="recall_1", recall_10="recall_10")


def test_recall_divides_by_all_relevant_candidates_even_by_those_beyond_the_cut_off() -> None:
    assert Recall(3).values(searches_of([1, 3, 4, 90], [4])).tolist() == [0.5, 0.0]
