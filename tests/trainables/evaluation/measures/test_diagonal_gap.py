import numpy as np
import pytest

from tests.trainables.evaluation.measures.examples import example, two_languages
from trainables.evaluation.measures.diagonal_gap import DiagonalGap
from trainables.evaluation.rank import rank_relevant
from trainables.evaluation.searches import Retrieval


def test_it_is_the_mean_on_the_diagonal_less_the_mean_off_it() -> None:
    assert DiagonalGap().summary(example()) == {(): pytest.approx((1 / 2 + 1 / 2) / 2 - 1 / 2)}


def test_without_a_diagonal_there_is_no_gap() -> None:
    b = two_languages(["th"], ["de", "en"], [[0, 1]])
    eye = np.eye(2, dtype=np.float32)
    assert DiagonalGap().summary(Retrieval(b, rank_relevant(b, eye[:1], eye))) == {}
