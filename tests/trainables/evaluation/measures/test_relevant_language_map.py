import pytest

from tests.trainables.evaluation.measures.examples import example, one_language
from trainables.evaluation.measures.relevant_language_map import RelevantLanguageMap


def test_the_matrix_takes_the_relevant_candidates_of_other_languages_out_of_the_pool() -> None:
    # de: 3 0 4 1 -> hits at 2 and 4; en: 3 2 4 -> hit at 2; query 1: 0 3 -> hit at 2.
    found = RelevantLanguageMap().summary(example())
    assert found == {("de", "de"): (1 / 2 + 2 / 4) / 2, ("de", "en"): 1 / 2, ("en", "en"): 1 / 2}
    assert list(found) == [("de", "de"), ("de", "en"), ("en", "en")]


def test_the_pool_of_all_languages_is_needed() -> None:
    with pytest.raises(ValueError, match="pool of all languages"):
        RelevantLanguageMap().summary(one_language())
