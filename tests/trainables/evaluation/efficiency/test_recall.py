import numpy as np
import pytest

from tests.trainables.evaluation.efficiency.clouds import cloud
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import FLAT, HNSW, IVF, Found, Index
from trainables.evaluation.efficiency.recall import Neighbours, Tradeoff

CONFIG = EfficiencyConfig()
POOL, QUERIES = cloud(1200, 12, 24, seed=0), cloud(200, 12, 24, seed=1)
ORDER = np.arange(len(POOL))


@pytest.fixture(scope="module")
def neighbours() -> Neighbours:
    return Neighbours(QUERIES, POOL, Index(FLAT, POOL, ORDER, CONFIG), 10)


def test_recall_is_one_for_the_exact_neighbours_and_counts_what_is_missing(neighbours: Neighbours) -> None:
    exact = neighbours.exact
    assert (neighbours.recall(Found(exact, 0.0)) == 1).all()
    lost = exact.copy()
    lost[:, 7:] = -1
    assert neighbours.recall(Found(lost, 0.0)) == pytest.approx(0.7)


def test_a_candidate_as_near_as_the_last_neighbour_counts_as_one() -> None:
    """Equal vectors: it does not matter which of them is found."""
    twice = np.concatenate([POOL[:50], POOL[:50]])
    order = np.arange(100)
    found = Neighbours(twice[:50], twice, Index(FLAT, twice, order, CONFIG), 1)
    other = np.arange(50, 100)[:, None]
    assert (found.recall(Found(other, 0.0)) == 1).all()
    wrong = (np.arange(50)[:, None] + 1) % 50
    assert (found.recall(Found(wrong, 0.0)) == 0).all()


@pytest.mark.parametrize("kind", [HNSW, IVF], ids=lambda kind: kind.name)
@pytest.mark.parametrize("recall", [0.5, 0.9, 0.99])
def test_what_is_needed_is_the_least_setting_that_reaches_the_recall(kind, recall, neighbours) -> None:
    tradeoff = Tradeoff(Index(kind, POOL, ORDER, CONFIG), neighbours)
    needed = tradeoff.needed(recall)
    assert needed is not None
    assert tradeoff.at(needed.setting) == (needed.recall, pytest.approx(tradeoff.at(needed.setting)[1]))
    assert needed.recall >= recall
    if needed.setting > tradeoff.least:
        below, fewer = tradeoff.at(needed.setting - 1)
        assert below < recall
        assert fewer <= needed.distances <= tradeoff.at(needed.setting)[1]
    else:
        assert needed.distances == tradeoff.at(needed.setting)[1]


def test_a_recall_that_no_setting_reaches_is_not_priced() -> None:
    """A graph with too few links loses candidates for good."""
    config = EfficiencyConfig(links=2, construction=2)
    pool = cloud(2000, 24, 24, seed=3)
    found = Neighbours(pool[:200], pool, Index(FLAT, pool, np.arange(2000), config), 10)
    assert Tradeoff(Index(HNSW, pool, np.arange(2000), config), found).needed(1.0) is None


def test_the_settings_of_a_curve_hold_what_was_asked_for_and_reach_beyond(neighbours: Neighbours) -> None:
    tradeoff = Tradeoff(Index(HNSW, POOL, ORDER, CONFIG), neighbours)
    found = tradeoff.settings([13, 50])
    assert {13, 50} <= set(found)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (10, 100)
    assert Tradeoff(Index(HNSW, POOL[:15], np.arange(15), CONFIG), neighbours).settings([]) == [10, 15]
