"""The memory of a worker at the peak of a training step, from the size of an encoder and what is encoded.

Nothing here is measured: the parts are added up as a step holds them, so that the plan of a study can tell them for any
encoder and any number of workers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainables.encoders.base import Shape
from trainables.encoders.footprint import Footprint

_FLOAT = 4
_MOMENTS = 2
"""AdamW has two numbers per weight."""

_BUCKET = 2**24
"""Numbers of a message in which replicated workers add up gradients (trainables.parallel)."""


class Rectangle(NamedTuple):
    """Texts that are encoded together, padded or packed."""

    texts: int
    tokens: float
    """Of each, padding included; of packed texts on average."""
    squares: float | None = None
    """Of the tokens of packed texts, on average; None: of `tokens`."""
    width: int = 0
    """Places that a packed text is pooled in."""

    @classmethod
    def of(cls, lengths: npt.NDArray[np.integer], multiple_of: int = 1, *, packed: bool = False) -> "Rectangle":
        """That of texts of so many tokens, whose width is rounded up."""
        width = int(-(-lengths.max() // multiple_of) * multiple_of)
        if not packed:
            return cls(len(lengths), width)
        return cls(len(lengths), float(lengths.mean()), float((lengths.astype(float) ** 2).mean()), width)


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a worker at the peak of a training step, by what they hold."""

    weights: float
    optimiser: float
    gradients: float
    activations: float
    """What layers keep, in-flight gradients of it and copies of weights in another precision included."""
    vectors: float
    """Vectors of the texts, their gradients if they are cached, and the similarities."""

    @property
    def total(self) -> float:
        """All of it."""
        return float(sum(getattr(self, one.name) for one in fields(self)))


def step_memory(
    shape: Shape,
    footprint: Footprint,
    chunks: Sequence[Sequence[Rectangle]],
    *,
    dimension: int,
    queries: int,
    candidates: int,
    workers: int = 1,
    sharded: bool = False,
    frozen_bytes: int = _FLOAT,
    unsharded_bytes: int = 2,
) -> StepMemory:
    """Returns the parts of the peak: the largest of what is held while any rectangle is carried back.

    A chunk encodes its rectangles one after the other and carries them back in the opposite order, the last chunk
    first; `GradientEngine` has why. The gradients of a worker grow with the first rectangle and are whole from then on.

    Args:
        shape: of the encoder.
        footprint: of its rectangles.
        chunks: what a worker encodes, in order; more than one: gradients are cached.
        dimension: components of a vector.
        queries: of the worker.
        candidates: passages and explicit negatives of all workers.
        workers: that train together.
        sharded: whether weights, gradients and moments are divided among the workers; a layer is whole while it is
            computed, and so is the next.
        frozen_bytes: of a weight that is not trained.
        unsharded_bytes: of a weight of such a layer, and of its gradient.
    """
    parts = workers if sharded else 1
    weights = (_FLOAT * shape.trained + frozen_bytes * (shape.parameters - shape.trained)) / parts
    optimiser = _FLOAT * _MOMENTS * shape.trained / parts
    gradients = _FLOAT * shape.trained / parts
    texts = sum(rectangle.texts for chunk in chunks for rectangle in chunk)
    cached = 2 * _FLOAT * texts * dimension if len(chunks) > 1 else 0
    # Scores, scores over temperature and their log-softmax, or the last with its gradient and that of the scores.
    scores = 3 * _FLOAT * queries * candidates
    gathered = _gathered(shape, unsharded_bytes) if sharded else 0.0
    moments = [
        StepMemory(weights, optimiser, share * gradients, activations + gathered, cached + (0 if share else scores))
        for share, activations in _moments(shape, footprint, chunks, sharded)
    ]
    if workers > 1 and not sharded:
        bucket = _FLOAT * min(shape.trained, _BUCKET + shape.largest)
        moments.append(StepMemory(weights, optimiser, gradients + bucket, 0, cached))
    return max(moments, key=lambda moment: moment.total)


def _moments(
    shape: Shape, footprint: Footprint, chunks: Sequence[Sequence[Rectangle]], sharded: bool
) -> Iterator[tuple[int, float]]:
    """Whether gradients are there, 1 or 0, and bytes of activations: at the worst of every rectangle, and behind it."""
    # Sharded layers have their weights in the other precision for as long as they are whole.
    copies = footprint.kept.fixed if sharded else 0.0
    there = 0
    for chunk in (*chunks[-1:], *chunks[:-1]):
        for number in reversed(range(len(chunk))):
            before = sum(footprint.kept.of(*rectangle) - copies for rectangle in chunk[:number])
            yield there, before + footprint.peak(*chunk[number]) - copies
            # The gradient of the largest weight once more, until it is added to that of the rectangles behind.
            yield 1, before + there * _FLOAT * shape.largest
            there = 1


def _gathered(shape: Shape, unsharded_bytes: int) -> float:
    """Bytes of what is whole at a time: two layers, the gradient of one, and the embeddings."""
    layer = (shape.parameters - shape.embeddings) / shape.layers
    trained = shape.trained / shape.parameters
    return unsharded_bytes * (layer * (2 + trained) + shape.embeddings)
