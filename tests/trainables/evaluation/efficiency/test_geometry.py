import numpy as np
import pytest

from tests.trainables.evaluation.efficiency.clouds import cloud
from trainables.evaluation.efficiency.geometry import anisotropy, hubness, intrinsic_dimension, language_separation


def test_anisotropy_is_the_mean_cosine_of_two_different_vectors() -> None:
    vectors = cloud(60, 5, 9, seed=0, shift=1.0)
    cosines = vectors @ vectors.T
    assert anisotropy(vectors) == pytest.approx(float(cosines[~np.eye(60, dtype=bool)].mean()), abs=1e-6)
    assert abs(anisotropy(cloud(4000, 20, 20, seed=1)) or 0) < 0.01
    assert (anisotropy(cloud(500, 20, 20, seed=1, shift=2.0)) or 0) > 0.5
    assert anisotropy(vectors[:1]) is None


@pytest.mark.parametrize("dimension", [2, 5, 10])
def test_intrinsic_dimension_is_that_of_the_sphere_whatever_the_width(dimension: int) -> None:
    found = intrinsic_dimension(cloud(2000, dimension + 1, 40, seed=2))
    assert found == pytest.approx(dimension, rel=0.12)


def test_equal_vectors_count_once_in_the_intrinsic_dimension() -> None:
    vectors = cloud(500, 6, 12, seed=3)
    assert intrinsic_dimension(np.concatenate([vectors, vectors])) == pytest.approx(intrinsic_dimension(vectors))
    assert intrinsic_dimension(np.tile(vectors[:1], (9, 1))) is None


def test_hubness_is_the_skewness_of_the_occurrences() -> None:
    from scipy.stats import skew

    neighbours = np.random.default_rng(0).integers(0, 30, (100, 10))
    neighbours[:, 0] = 7
    assert hubness(neighbours, 40) == pytest.approx(skew(np.bincount(neighbours.ravel(), minlength=40)))
    assert hubness(np.arange(40).reshape(10, 4), 40) is None


def test_languages_that_lie_apart_are_separated_and_those_that_do_not_are_not() -> None:
    vectors = cloud(600, 8, 16, seed=4)
    languages = np.arange(600) % 3
    assert abs(language_separation(vectors, languages, 10) or 0) < 0.03
    apart = vectors + 5 * np.eye(16, dtype=np.float32)[languages]
    apart /= np.linalg.norm(apart, axis=1, keepdims=True)
    assert language_separation(apart, languages, 10) == pytest.approx(1 - 199 / 599, abs=0.02)
    assert language_separation(vectors, np.zeros(600, dtype=np.int32), 10) is None


def test_a_vector_is_no_neighbour_of_itself_even_among_equal_ones() -> None:
    """Two languages, all vectors equal: neighbours are others, which are of either language by chance."""
    vectors = np.tile(cloud(1, 4, 8, seed=5), (40, 1))
    found = language_separation(vectors, np.arange(40) % 2, 39)
    assert found == pytest.approx(0.0, abs=1e-9)
