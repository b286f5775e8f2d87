"""Centring: what is left of a language's mean, of a shift by language, and of embeddings in a file."""

import numpy as np
import pytest

from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.evaluation import centring
from trainables.evaluation.centring import centred

LANGUAGES = ("de", "en", "th")


def toy(dimension=5, questions=8, seed=0):
    """Parallel questions whose query and passages share a direction, in three languages, and Swahili queries only."""
    random = np.random.default_rng(seed)
    queries = [Query(f"q{i}", language, "?") for i in range(questions) for language in (*LANGUAGES, "sw")]
    candidates = [Candidate(f"c{i}{language}", language, "!") for i in range(questions) for language in LANGUAGES]
    right = [[3 * i + j for j in range(3)] for i in range(questions) for _ in range(4)]
    found = benchmark("toy", queries, candidates, right)
    return found, *(random.normal(size=(n, dimension)).astype(np.float32) for n in (len(queries), len(candidates)))


@pytest.mark.parametrize("block", [2**16, 5])
def test_the_mean_of_the_candidates_is_taken_from_both_sides(monkeypatch, block):
    monkeypatch.setattr(centring, "_BLOCK", block)
    found, queries, candidates = toy()
    moved = centred(found, queries, candidates)
    for index, language in enumerate(found.languages):
        own = found.candidate_language == index
        mean = (candidates[own] if language != "sw" else queries[found.query_language == index]).mean(axis=0)
        for before, after, of in (
            (queries, moved[0], found.query_language == index),
            (candidates, moved[1], own),
        ):
            wanted = before[of] - mean
            np.testing.assert_allclose(after[of], wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


def test_a_shift_by_language_is_undone():
    found, queries, candidates = toy()
    shift = np.random.default_rng(1).normal(size=(len(found.languages), 5)).astype(np.float32)
    moved = centred(found, queries + shift[found.query_language], candidates + shift[found.candidate_language])
    for one, other in zip(moved, centred(found, queries, candidates), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_language_with_a_single_candidate_has_no_direction_left_and_nothing_is_nan():
    found = benchmark("toy", [Query("q", "de", "?")], [Candidate("a", "de", "!"), Candidate("b", "en", "!")], [[0]])
    rows = np.eye(3, dtype=np.float32)
    queries, candidates = centred(found, rows[2:], rows[:2])
    assert not candidates.any()
    assert np.isfinite(queries).all()


def test_embeddings_in_a_file_stay_as_they_are_and_the_result_is_no_array_in_memory(tmp_path):
    found, queries, candidates = toy()
    stored = np.memmap(tmp_path / "embeddings", np.float32, mode="w+", shape=candidates.shape)
    stored[:] = candidates
    moved = centred(found, queries, stored)[1]
    assert isinstance(moved, np.memmap)
    np.testing.assert_array_equal(moved, centred(found, queries, candidates)[1])
    np.testing.assert_array_equal(stored, candidates)
    assert [path.name for path in tmp_path.iterdir()] == ["embeddings"]
