"""What smaller vectors cost in quality: truncated (Matryoshka), int8, binary; judged by exact search."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from trainables.evaluation.arrays import ScoreArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.subject import Part, Subject
from trainables.evaluation.evaluate import evaluate


def truncated(share: float) -> Callable[[ScoreArray], ScoreArray]:
    """Returns what keeps this share of the first components, and the length at one."""

    def cut(vectors: ScoreArray) -> ScoreArray:
        kept = vectors[:, : max(1, round(share * vectors.shape[1]))]
        found: ScoreArray = kept / np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-12)
        return found

    return cut


def int8(vectors: ScoreArray) -> ScoreArray:
    """Each component rounded to one of 255 steps between plus and minus the largest one of all vectors."""
    scale = max(float(np.abs(vectors).max()), 1e-12) / 127
    found: ScoreArray = np.rint(vectors / scale).astype(np.float32)
    return found


def binary(vectors: ScoreArray) -> ScoreArray:
    """Each component by its sign alone."""
    found: ScoreArray = np.where(vectors > 0, 1, -1).astype(np.float32)
    return found


FORMS: Mapping[str, tuple[str, Callable[[ScoreArray], ScoreArray]]] = {
    "whole": ("all components, float32", lambda vectors: vectors),
    "half": ("the first half of the components", truncated(1 / 2)),
    "quarter": ("the first quarter of the components", truncated(1 / 4)),
    "eighth": ("the first eighth of the components", truncated(1 / 8)),
    "int8": ("int8", int8),
    "binary": ("binary", binary),
}


def numbers(config: EfficiencyConfig) -> Iterator[NumberRecord]:
    """Quality of every form."""
    for measure_name in config.measures:
        for form, (label, _) in FORMS.items():
            yield NumberRecord(
                name=f"vectors/{form}/{measure_name}",
                label=f"{measure_name} with {label}",
                part="vectors",
                direction="maximize",
            )


def measure(subject: Subject) -> tuple[Mapping[str, float], Sequence[CurvePoint]]:
    """Judges every form of the vectors where all languages compete or, where nothing does, in one language."""
    found: dict[str, float] = {}
    wanted = subject.config.measures
    for form, (_, change) in FORMS.items() if subject.order == 0 else ():
        judged = evaluate(
            subject.benchmark,
            change(subject.queries),
            change(subject.candidates),
            measures=wanted,
            keep_per_query=False,
        ).headlines
        setting = next(
            one for one in ("multilingual", "monolingual", "cross-lingual") if f"{one}/{wanted[0]}" in judged
        )
        found |= {f"vectors/{form}/{name}": judged[f"{setting}/{name}"] for name in wanted}
    return found, []


PART = Part("vectors", numbers, measure)
