"""What the batches of the arms held, and whether the records prove that all arms saw the same items in the same order.

A trial records a checksum of the items of its first n steps, for several n. Where two trainings of one seed agree at
the largest n that both have, their items were the same, in the same order, up to there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from analysis.facts.arms import Arm, without_repeats
from trainables.records import BatchRecord


@dataclass(frozen=True)
class SameItems:
    """What the records say about the items of the arms."""

    is_same: bool
    """Whether all that can be compared agrees."""
    steps: int
    """Steps that were compared, of the pair of trainings with the fewest."""
    is_whole: bool
    """Whether these are all steps that both trainings of every pair took."""


def batches_of(arm: Arm) -> list[BatchRecord]:
    """What the batches of an arm held, seed by seed."""
    return [run.batches for run in arm.runs if run.batches is not None]


def same_items(arms: Sequence[Arm]) -> SameItems | None:
    """Compares the items of the arms that may meet, seed by seed; None where a record is missing or nothing is there
    to compare.
    """
    trained = [arm for arm in without_repeats(arms) if arm.runs and arm.record.config.steps]
    found: list[SameItems] = []
    for group in dict.fromkeys(arm.group for arm in trained):
        runs = [run for arm in trained if arm.group == group for run in arm.runs]
        for seed in dict.fromkeys(run.seed for run in runs):
            records = [run.batches for run in runs if run.seed == seed]
            if None in records:
                return None
            found += _compared([record for record in records if record is not None])
    if not found:
        return None
    return SameItems(
        all(one.is_same for one in found), min(one.steps for one in found), all(one.is_whole for one in found)
    )


def _compared(records: Sequence[BatchRecord]) -> Iterable[SameItems]:
    # Many trainings have one and the same stream.
    streams = {tuple(record.item_streams.items()): record.item_streams for record in records}
    if len(records) > len(streams):
        last = min(max(stream, default=0) for stream in streams.values())
        yield SameItems(last > 0, last, True)
    for one, other in combinations(streams.values(), 2):
        shared = max(one.keys() & other.keys(), default=0)
        is_same = shared > 0 and one[shared] == other[shared]
        yield SameItems(is_same, shared, shared == min(max(one, default=0), max(other, default=0)))
