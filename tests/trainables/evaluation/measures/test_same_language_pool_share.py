from tests.trainables.evaluation.measures.examples import example
from trainables.evaluation.measures.same_language_pool_share import SameLanguagePoolShare


def test_it_is_the_mean_over_query_languages_of_their_share_of_the_candidates() -> None:
    assert SameLanguagePoolShare().summary(example()) == {(): (2 / 5 + 3 / 5) / 2}
