"""From the ratio of a step to its batch: of one kind, or split into both."""

from trainables.batches.batch import Batch
from trainables.batches.config import BatchConfig
from trainables.batches.kinds import BatchKinds, batch_kinds
from trainables.batches.planner import BatchPlanner


def kinds_of(batches: BatchConfig, seed: int) -> BatchKinds:
    """The draw of what is monolingual: one for a whole batch, or with loss mixing one for each of its pairs."""
    return batch_kinds(batches.draw, seed, batches.size if batches.mixing == "loss" else 1)


def drawn_batch(planner: BatchPlanner, batches: BatchConfig, step: int, mono: int) -> Batch:
    """The batch of a step, given how many of its draws are monolingual."""
    if batches.mixing == "loss":
        return planner.mixed_batch(step, mono)
    return planner.batch(step, "mono" if mono else "cross")
