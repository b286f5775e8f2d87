import numpy as np

from tests.trainables.evaluation.measures.examples import example, two_languages
from trainables.evaluation.measures.ties import Ties
from trainables.evaluation.rank import rank_relevant
from trainables.evaluation.searches import Retrieval


def test_only_pairs_of_a_relevant_and_another_candidate_are_counted() -> None:
    b = two_languages(["de"], ["de", "en", "en", "de"], [[0, 1]])
    ranks = rank_relevant(b, np.ones((1, 1), dtype=np.float32), np.array([[1], [1], [1], [2]], dtype=np.float32))
    assert Ties().summary(Retrieval(b, ranks)) == {(): 2.0}
    assert Ties().summary(example()) == {(): 0.0}
