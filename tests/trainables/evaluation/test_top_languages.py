import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.evaluation.top_languages import TOP, TopLanguages


def counted(scores: list[float], languages: list[int], cuts: list[int], places: int = TOP) -> list[float]:
    top = TopLanguages(queries=1, languages=4)
    for part in np.split(np.arange(len(scores)), sorted(cuts)):
        top.add(
            np.zeros(1, int), np.array([scores], dtype=np.float32)[:, part], np.array(languages, dtype=np.int32)[part]
        )
    found: list[float] = top.counts(places)[0].tolist()
    return found


def by_hand(scores: list[float], languages: list[int], places: int) -> list[float]:
    """Every candidate has the share of its places that are among the first, over all orders of those that tie."""
    found = [0.0] * 4
    for score, language in zip(scores, languages, strict=True):
        before = sum(other > score for other in scores)
        found[language] += min(1.0, max(0.0, places - before) / scores.count(score))
    return found


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
    st.integers(1, TOP),
)
def test_candidates_that_tie_for_the_last_places_share_them_however_they_are_cut(
    pairs, cuts: list[int], places: int
) -> None:
    scores, languages = [float(score) for score, _ in pairs], [language for _, language in pairs]
    assert counted(scores, languages, cuts, places) == pytest.approx(by_hand(scores, languages, places))


def test_what_a_query_does_not_see_is_never_among_the_first() -> None:
    assert counted([1.0] * 9 + [-np.inf] * 2, [0] * 9 + [1, 2], [4]) == [9.0, 0.0, 0.0, 0.0]
