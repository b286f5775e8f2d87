import numpy as np
import pytest

from tests.trainables.evaluation.efficiency.clouds import cloud
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import FLAT, HNSW, INDEXES, IVF, Index, IndexKind

CONFIG = EfficiencyConfig()
VECTORS = cloud(800, 8, 16, seed=0)
QUERIES = cloud(50, 8, 16, seed=1)


def index(kind: IndexKind, order: np.ndarray | None = None) -> Index:
    return Index(kind, VECTORS, np.arange(len(VECTORS)) if order is None else order, CONFIG)


@pytest.mark.parametrize("name", INDEXES)
def test_candidates_keep_their_numbers_whatever_the_order_of_insertion(name: str) -> None:
    """Every vector finds itself first, or what its code cannot tell from it: the order must be undone."""
    order = np.random.default_rng(5).permutation(len(VECTORS))
    kind = INDEXES[name]
    found = index(kind, order).search(VECTORS, 10, (kind.setting and 200) or None)
    own = (found.candidates == np.arange(len(VECTORS))[:, None]).any(axis=1)
    assert own.mean() > 0.95


def test_exact_search_compares_every_candidate_and_is_right() -> None:
    found = index(FLAT).search(QUERIES, 10)
    assert found.distances == len(VECTORS)
    scores = QUERIES @ VECTORS.T
    assert np.array_equal(np.sort(found.candidates), np.sort(np.argsort(-scores)[:, :10]))


def test_the_distances_of_ivf_are_its_centroids_and_the_lists_that_it_looks_into() -> None:
    lists = index(IVF)
    assert lists.largest == len(VECTORS) // 39
    everything = lists.search(QUERIES, 10, lists.largest)
    assert everything.distances == lists.largest + len(VECTORS)
    assert np.array_equal(np.sort(everything.candidates), np.sort(index(FLAT).search(QUERIES, 10).candidates))


def test_the_distances_of_hnsw_grow_with_ef_and_do_not_depend_on_how_queries_come() -> None:
    graph = index(HNSW)
    costs = [graph.search(QUERIES, 10, ef).distances for ef in (10, 20, 40, 80)]
    assert costs == sorted(costs)
    alone = [graph.search(QUERIES[i : i + 1], 10, 20).distances for i in range(len(QUERIES))]
    assert np.mean(alone) == pytest.approx(costs[1])


@pytest.mark.parametrize("name", INDEXES)
def test_the_same_order_builds_the_same_index(name: str) -> None:
    kind = INDEXES[name]
    one, other = index(kind), index(kind)
    setting = 20 if kind.setting else None
    found = [each.search(QUERIES, 10, setting) for each in (one, other)]
    assert np.array_equal(found[0].candidates, found[1].candidates)
    assert found[0].distances == found[1].distances
    assert one.size == other.size


def test_quantised_vectors_are_smaller_than_whole_ones() -> None:
    sizes = {name: index(kind).size for name, kind in INDEXES.items()}
    assert sizes["pq"] < sizes["int8"] < sizes["flat"] < sizes["hnsw"]
    assert sizes["flat"] >= VECTORS.nbytes


@pytest.mark.parametrize("name", INDEXES)
def test_a_pool_smaller_than_any_code_book_is_indexed_all_the_same(name: str) -> None:
    few = VECTORS[:12]
    found = Index(INDEXES[name], few, np.arange(12), CONFIG).search(few, 10)
    assert found.candidates.shape == (12, 10)


def test_every_query_is_timed() -> None:
    times = index(HNSW).milliseconds(QUERIES, 10, 20)
    assert times.shape == (len(QUERIES),)
    assert (times > 0).all()
