"""What is due at a step: which training set, and which items of its shuffled epochs.

Depends on the seed and the data only, so that all arms of a study see the same items in the same order.
"""

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices
from trainables.batches.streams import Purpose, Stream

_BLOCK = 4096


class DueSets:
    """Draws for every step which of S sets is due, independently and with fixed shares, and counts how often that set
    was due before.
    """

    def __init__(self, shares: npt.NDArray[np.float64], stream: Stream) -> None:
        self._bounds = np.cumsum(shares)[:-1]
        self._stream = stream
        self._before = [np.zeros(len(shares), dtype=np.int64)]
        self._block = -1
        self._sets: list[int] = []
        self._counts: list[int] = []

    def at(self, step: int) -> tuple[int, int]:
        """The set that is due at `step`, and at how many earlier steps it was due."""
        if len(self._bounds) == 0:
            return 0, step
        block = step // _BLOCK
        if block != self._block:
            while len(self._before) <= block:
                last = len(self._before) - 1
                counts = np.bincount(self._draw(last), minlength=len(self._before[0]))
                self._before.append(self._before[last] + counts)
            sets = self._draw(block)
            counts = np.empty(_BLOCK, dtype=np.int64)
            for number, before in enumerate(self._before[block]):
                mine = sets == number
                counts[mine] = before + np.arange(mine.sum())
            self._sets, self._counts, self._block = sets.tolist(), counts.tolist(), block
        return self._sets[step % _BLOCK], self._counts[step % _BLOCK]

    def _draw(self, block: int) -> npt.NDArray[np.intp]:
        return np.searchsorted(self._bounds, self._stream.at(Purpose.SET, block).random(_BLOCK), side="right")


class Epochs:
    """The items of a set in an order that is drawn anew for every epoch, cut into batches that run on over the ends
    of epochs.

    Batch k takes positions k B to (k + 1) B - 1 of the epochs laid end to end. Every item has one position per epoch.
    No item occurs twice in a batch as long as the set has at least 3 B items: an epoch then puts those that the batch
    over its beginning already holds a little later.

    Args:
        first_item: index of the set's first item in the training data.
        size: items of the set.
        set_index: number of the set.
        batch_size: pairs of a batch, B.
        stream: random numbers of the training.
    """

    def __init__(self, first_item: int, size: int, set_index: int, batch_size: int, stream: Stream) -> None:
        self._first_item = first_item
        self._size = size
        self._set_index = set_index
        self._batch_size = batch_size
        self._stream = stream
        self._orders: dict[int, Indices] = {}

    def at(self, number: int) -> Indices:
        """The items that are due for the set's batch of that number: int32 [B], indices into the training data."""
        epoch, start = divmod(number * self._batch_size, self._size)
        due = self._order(epoch)[start : start + self._batch_size]
        while len(due) < self._batch_size:
            epoch += 1
            due = np.concatenate([due, self._order(epoch)[: self._batch_size - len(due)]])
        return due

    def _order(self, epoch: int) -> Indices:
        order = self._orders.get(epoch)
        if order is None:
            order = self._shuffled(epoch)
            over = epoch * self._size % self._batch_size
            if over and self._size >= 3 * self._batch_size:
                before = self._orders.get(epoch - 1)
                tail = (self._shuffled(epoch - 1) if before is None else before)[-over:]
                # Only the first 2 B places change, so that the tail of an epoch never depends on the epoch before it.
                head = order[: 2 * self._batch_size]
                order[: 2 * self._batch_size] = head[np.argsort(np.isin(head, tail), kind="stable")]
            self._orders = {number: kept for number, kept in self._orders.items() if number == epoch - 1} | {
                epoch: order
            }
        return order

    def _shuffled(self, epoch: int) -> Indices:
        order = self._stream.permutation(self._size, Purpose.EPOCH, epoch, self._set_index)
        order += self._first_item
        return order
