"""One measurement of one trained encoder: all parts, on a pinned machine whose state is written down."""

from trainables.evaluation.efficiency.records import BenchmarkMeasurement, CurvePoint
from trainables.evaluation.efficiency.registry import PARTS
from trainables.evaluation.efficiency.subject import Subject


def measure(subject: Subject) -> BenchmarkMeasurement:
    """Measures everything that there is to measure; see the parts.

    An encoder in another mode than evaluation would be another encoder: it is put into that.
    """
    subject.encoder.eval()
    found: dict[str, float] = {}
    curve: list[CurvePoint] = []
    for part in PARTS.values():
        numbers, points = part.measure(subject)
        found |= numbers
        curve += points
    return BenchmarkMeasurement(numbers=found, curve=tuple(curve))
