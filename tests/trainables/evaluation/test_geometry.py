"""Alignment, uniformity and language identity of embeddings whose geometry is known."""

import math

import numpy as np
import pytest

from tests.trainables.ratio.test_signals import LANGUAGES, parallel_benchmark
from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.evaluation.geometry import geometry

TOY = parallel_benchmark(12)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def noise(seed=0, dimension=16):
    random = np.random.default_rng(seed)
    return random.normal(size=(len(TOY.query_language), dimension)), random.normal(
        size=(len(TOY.candidate_language), dimension)
    )


def test_the_numbers_are_those_of_their_formulas():
    queries, candidates = map(unit, noise())
    found = geometry(TOY, queries, candidates)
    same, other = [], []
    for q, language in enumerate(TOY.query_language):
        for c in TOY.relevant[TOY.relevant_start[q] : TOY.relevant_start[q + 1]]:
            distance = float(((queries[q] - candidates[c]) ** 2).sum())
            (same if TOY.candidate_language[c] == language else other).append(distance)
    assert found["alignment/mono"] == pytest.approx(np.mean(same), rel=1e-5)
    assert found["alignment/cross"] == pytest.approx(np.mean(other), rel=1e-5)
    kernel = [math.exp(-2 * float(((a - b) ** 2).sum())) for i, a in enumerate(candidates) for b in candidates[i + 1 :]]
    assert found["uniformity"] == pytest.approx(math.log(np.mean(kernel)), rel=1e-4)


def test_language_is_read_where_it_is_a_shift_and_not_where_it_is_nothing():
    _, candidates = noise()
    shift = 3 * np.eye(16)[: len(LANGUAGES)]
    queries = unit(noise()[0])
    assert geometry(TOY, queries, unit(candidates + shift[TOY.candidate_language]))["language_identity"] > 0.9
    chance = np.mean([geometry(TOY, queries, unit(noise(seed)[1]))["language_identity"] for seed in range(20)])
    assert chance == pytest.approx(1 / len(LANGUAGES), abs=0.06)


def test_what_there_are_no_pairs_for_is_absent():
    one = benchmark("one", [Query("q", "de", "?")], [Candidate("c", "de", "!")], [[0]])
    row = np.ones((1, 4), np.float32) / 2
    assert geometry(one, row, row) == {"alignment/mono": 0.0}
