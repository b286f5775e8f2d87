"""Where the vectors lie, which explains what approximate search costs."""

from collections.abc import Iterator, Mapping, Sequence

import faiss
import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.subject import Part, Subject, sample

_LABELS = {
    "anisotropy": "anisotropy: mean cosine of two candidates",
    "dimension": "intrinsic dimension of the candidates (TwoNN)",
    "hubness": "hubness: skewness of how often a candidate is a neighbour of a query",
    "language_separation": "language separation: share of neighbours of a candidate in its language, above chance",
    "query_distance": "distance of the mean query from the mean candidate",
}


def numbers(config: EfficiencyConfig) -> Iterator[NumberRecord]:
    """Properties of the cloud of vectors."""
    for name, label in _LABELS.items():
        yield NumberRecord(name=f"geometry/{name}", label=label, part="geometry", direction="neither")


def measure(subject: Subject) -> tuple[Mapping[str, float], Sequence[CurvePoint]]:
    """Measures the first time that an encoder is measured: no order matters."""
    if subject.order:
        return {}, []
    chosen = sample(len(subject.candidates), subject.config.geometry_sample)
    candidates = subject.candidates[chosen]
    found = {
        "anisotropy": anisotropy(subject.candidates),
        "dimension": intrinsic_dimension(candidates),
        "hubness": hubness(subject.neighbours.exact, len(subject.candidates)),
        "language_separation": language_separation(
            candidates, subject.benchmark.candidate_language[chosen], subject.config.neighbours
        ),
        "query_distance": float(np.linalg.norm(subject.queries.mean(axis=0) - subject.candidates.mean(axis=0))),
    }
    return {f"geometry/{name}": value for name, value in found.items() if value is not None}, []


def anisotropy(vectors: ScoreArray) -> float | None:
    """Returns the mean cosine of two different unit vectors [n, d]; None for fewer than two."""
    count = len(vectors)
    if count < 2:
        return None
    total = vectors.sum(axis=0, dtype=np.float64)
    own = float(np.einsum("nd,nd->", vectors, vectors, dtype=np.float64))
    return (float(total @ total) - own) / (count * (count - 1))


def intrinsic_dimension(vectors: ScoreArray) -> float | None:
    """Returns the TwoNN estimate (Facco et al. 2017): n / sum of log(r2 / r1), r1 and r2 the distances of the two
    nearest others; None where fewer than three vectors [n, d] are different.
    """
    different = np.unique(vectors, axis=0)
    if len(different) < 3:
        return None
    squared = np.maximum(faiss.knn(different, different, 3)[0][:, 1:], 0).astype(np.float64)
    ratios = squared[squared[:, 0] > 0]
    total = 0.5 * np.log(ratios[:, 1] / ratios[:, 0]).sum()
    return float(len(ratios) / total) if total > 0 else None


def hubness(neighbours: IntArray, count: int) -> float | None:
    """Returns the skewness of how often each of `count` candidates occurs in neighbours [Q, k] (Radovanović et al.
    2010); None where all occur equally often.
    """
    occurrences = np.bincount(neighbours[neighbours >= 0], minlength=count).astype(np.float64)
    centred = occurrences - occurrences.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return None if deviation == 0 else float((centred**3).mean() / deviation**3)


def language_separation(vectors: ScoreArray, languages: npt.NDArray[np.integer], neighbours: int) -> float | None:
    """Returns the share of the nearest others of unit vectors [n, d] that have their language [n], less the share of
    the pool that has; 0: none, None: there is one language.
    """
    count = len(vectors)
    sizes = np.bincount(languages)
    if (sizes > 0).sum() < 2:
        return None
    around = min(neighbours, count - 1)
    nearest = faiss.knn(vectors, vectors, around + 1, metric=faiss.METRIC_INNER_PRODUCT)[1]
    others = nearest != np.arange(count)[:, None]
    # Of vectors that are equal another one may stand first: then the last one is left out.
    others[others.all(axis=1), -1] = False
    same = (languages[nearest] == languages[:, None]) & others
    chance = (sizes[languages] - 1) / (count - 1)
    return float(same.sum(axis=1).mean() / around - chance.mean())


PART = Part("geometry", numbers, measure)
