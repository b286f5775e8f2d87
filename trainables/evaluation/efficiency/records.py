"""What a measurement leaves behind."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from trainables.evaluation.measures.record import Direction
from trainables.records import Record

Part = Literal["search", "encoder", "vectors", "geometry"]
"""What a number is about: the index; the encoder; truncated and quantised vectors; where the vectors lie."""

MEASURED_ONCE: frozenset[Part] = frozenset({"vectors", "geometry"})
"""The parts that no order of insertion changes: they are measured in the first round only."""


class NumberRecord(Record):
    """A number of efficiency, as reports name and compare it."""

    name: str
    """as in measurements: `hnsw/distances@0.95`"""
    label: str
    """what people read"""
    part: Part
    """what it is about"""
    unit: str = ""
    """its unit"""
    direction: Direction = "minimize"
    """which values are better; neither: it only explains others"""
    is_timed: bool = False
    """whether it depends on the machine and its state"""
    is_compared: bool = False
    """whether arms are compared by it, with a verdict"""


class EfficiencyRecord(Record):
    """What the measure phase measures."""

    margin: Annotated[float, Field(gt=0, lt=1)]
    """largest relative difference that counts as none"""
    recall: float
    """share of the exact neighbours that a search must find where arms are compared"""
    neighbours: int
    """candidates that a search returns"""
    orders: int
    """orders of insertion, each of which is a round of measurements"""
    options: Mapping[str, Any]
    """all options of the phase"""
    numbers: Mapping[str, NumberRecord]
    """the numbers by name"""


class CurvePoint(Record):
    """How an index searches at one setting."""

    index: str
    """kind of index"""
    setting: int | None
    """ef of HNSW, nprobe of IVF; null where there is nothing to set"""
    recall: float
    """share of the exact neighbours that is found, mean over queries"""
    distances: float
    """distance computations per query"""
    milliseconds: float
    """median time of a query that is searched alone, on one thread"""


class MachineRecord(Record):
    """In what state a machine was; null where it does not tell."""

    host: str
    """its name"""
    processor: str | None
    """model of the processor"""
    load: tuple[float, ...] | None
    """load averages over 1, 5 and 15 minutes"""
    megahertz: float | None
    """mean frequency of its cores"""
    governor: str | None
    """frequency governor"""
    threads: int
    """threads of the encoder; searches have one"""
    pinned_to: tuple[int, ...] | None
    """cores to which the measurement was pinned"""


class BenchmarkMeasurement(Record):
    """What was measured on one benchmark. A number that does not exist is missing: a recall that is not reached, a
    length that the encoder cannot read; after the first round, what no order of insertion changes."""

    numbers: Mapping[str, float]
    """values by name"""
    curve: tuple[CurvePoint, ...]
    """recall and cost of every index at several settings"""


class MeasurementRecord(Record):
    """One trained encoder, measured once."""

    id: str
    """`<trial>-<order>`, with `-copy` for the second name of the same encoder"""
    trial: str
    """confirm trial that trained it"""
    order: int
    """order of insertion, and round of measurements"""
    is_copy: bool = False
    """whether the encoder is measured a second time in its round, under another name: the A/A control"""
    place: int
    """its place in the random order of all measurements of its round"""
    benchmarks: Mapping[str, BenchmarkMeasurement]
    """what was found, by benchmark"""
    before: MachineRecord
    """the machine at the start"""
    after: MachineRecord
    """the machine at the end"""
    device: str
    """what encoded"""
    started: str
    """time of its start"""
    ended: str
    """time of its end"""
