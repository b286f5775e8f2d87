import pytest

from tests.trainables.evaluation.measures.examples import example, one_language, with_last_ranks
from trainables.errors import UserError
from trainables.evaluation.measures.same_language_share import SameLanguageShare


def test_it_is_a_share_of_the_first_ten_or_of_all_candidates_if_there_are_fewer() -> None:
    retrieval = with_last_ranks([2, 3, 6, 2, 2, 2])
    # Six candidates, three of them in each language.
    assert SameLanguageShare(10).values(retrieval).tolist() == [0.5] * 6
    assert SameLanguageShare(10).summary(retrieval) == {(): 0.5}
    assert SameLanguageShare(10).values(example()).tolist() == [2 / 5, 3 / 5]


@pytest.mark.parametrize("cutoff", [None, 1, 20])
def test_languages_of_other_places_are_not_known(cutoff: int | None) -> None:
    with pytest.raises(UserError, match=r"Unknown measure 'same_language_share.*in the first 10 places only"):
        SameLanguageShare(cutoff)


def test_the_pool_of_all_languages_is_needed() -> None:
    with pytest.raises(ValueError, match="pool of all languages"):
        SameLanguageShare(10).values(one_language())
