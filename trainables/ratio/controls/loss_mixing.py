"""Loss mixing: every batch split by the winner's ratio into both kinds, in place of batches of one kind.

Same items, same number of steps and of pairs; the loss is the mean over all pairs of a batch. A query chooses among
all passages of the batch, of either part, so that it has as many negatives as in a batch of one kind. With those of
its own part alone it would have fewer, and at a ratio near 0 or 1 none at all: then not mixing would be compared, but
the number of negatives. Its learning rate is searched with as many trials as any branch has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.ratio.controls.control import Control, Training


def _changes(training: Training, ratios: Sequence[float]) -> Mapping[str, Any]:
    return {"batches.mixing": "loss", "ratio": training.ratio.as_schedule(ratios)}


LOSS_MIXING = Control("loss-mixing", "every batch split into both kinds by the winner's ratio", _changes, tuned=True)
