"""The parts of a measurement, in the order in which they are measured, and of reports."""

from collections.abc import Mapping

from trainables.evaluation.efficiency import encoding, geometry, query_latency, search, vectors
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import EfficiencyRecord, NumberRecord
from trainables.evaluation.efficiency.subject import Part
from trainables.registry import Registry

PARTS: Registry[Part] = Registry(
    "part of a measurement of efficiency",
    lambda part: part.name,
    (search.PART, query_latency.PART, encoding.PART, vectors.PART, geometry.PART),
)


def efficiency_record(config: EfficiencyConfig) -> EfficiencyRecord:
    """What a study says of its measure phase."""
    return EfficiencyRecord(
        margin=config.margin,
        recall=config.recall,
        neighbours=config.neighbours,
        orders=config.orders,
        options=config.model_dump(),
        numbers=_numbers(config),
    )


def _numbers(config: EfficiencyConfig) -> Mapping[str, NumberRecord]:
    return {number.name: number for part in PARTS.values() for number in part.numbers(config)}
