import pytest

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of
from trainables.evaluation.measures.map import AveragePrecision
from trainables.evaluation.rank import UNRANKED


@pytest.mark.parametrize("levels", LEVELS)
def test_average_precision_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, map="map")


def test_map_with_a_cut_off_divides_by_what_the_cut_off_leaves_room_for() -> None:
    found = searches_of([9, 1, 3, 2])
    assert AveragePrecision(2).values(found) == 1.0
    assert AveragePrecision(8).values(found) == 0.75
    assert AveragePrecision().values(found) == pytest.approx((1 + 1 + 1 + 4 / 9) / 4)


def test_a_candidate_that_was_never_found_is_worth_nothing_at_all() -> None:
    assert AveragePrecision().values(searches_of([UNRANKED], [1, UNRANKED])).tolist() == [0.0, 0.5]
