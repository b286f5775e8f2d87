from tests.trainables.evaluation.measures.examples import example, searches_of
from trainables.evaluation.measures.complete import Complete


def test_a_query_is_complete_when_its_last_relevant_candidate_is_within_the_cut_off() -> None:
    assert Complete(3).values(searches_of([1, 2, 3], [1, 4], [3])).tolist() == [1.0, 0.0, 1.0]


def test_more_relevant_candidates_than_places_are_never_complete() -> None:
    assert Complete(2).values(searches_of([1, 2, 3])).tolist() == [0.0]


def test_in_the_pool_of_all_languages_every_translation_must_be_found() -> None:
    retrieval = example()
    assert Complete(5).values(retrieval.in_all_languages).tolist() == [1.0, 1.0]
    assert Complete(4).values(retrieval.in_all_languages).tolist() == [0.0, 1.0]
    assert Complete(2).values(retrieval.in_one_language).tolist() == [1.0, 1.0, 1.0]
