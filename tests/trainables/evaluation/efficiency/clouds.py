"""Clouds of unit vectors whose geometry is known."""

import numpy as np

from trainables.evaluation.arrays import ScoreArray


def cloud(count: int, dimension: int, width: int, seed: int, shift: float = 0.0) -> ScoreArray:
    """Returns unit vectors [count, width] around the origin of a random subspace of `dimension` dimensions.

    `shift`: how far the cloud lies from the origin, in its own deviations: more makes it narrower.
    """
    space = np.linalg.qr(np.random.default_rng(0).normal(size=(width, dimension)))[0]
    points = np.random.default_rng(seed + 1).normal(size=(count, dimension))
    points[:, 0] += shift * np.sqrt(dimension)
    vectors = points @ space.T
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
