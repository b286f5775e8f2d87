"""The order in which training sets and their items are due; it depends on the seed and the data only.

Every arm of a study, whatever its ratio, thus sees the same items in the same order.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices
from trainables.batches.streams import Purpose, Stream

Weights = npt.NDArray[np.float64]

_BLOCK = 4096
_PART = 1 << 16
"""Items of an epoch that are looked through for those of a language at a time."""
_HEAD = -1
"""The line of all items."""


class DueSets:
    """Which of S sets each batch comes from: in exact proportion, in an order that is drawn anew for every epoch.

    With b batches per epoch, a set has had floor(b e + u) batches after e epochs, u an offset of the seed. The order
    within an epoch is random, so that it cannot go along with the order of the kinds.
    """

    def __init__(self, per_epoch: npt.NDArray[np.float64], stream: Stream) -> None:
        """per_epoch: [S], batches of every set in an epoch of all sets."""
        self._per_epoch = per_epoch
        self._stream = stream
        self._offsets = stream.at(Purpose.SET_OFFSET, 0).random(len(per_epoch))
        self._first = self._last = 0
        self._sets: list[int] = []
        self._numbers: list[int] = []
        self._steps: dict[tuple[int, int], int] = {}

    def at(self, step: int) -> tuple[int, int]:
        """The set that is due at `step`, and at how many earlier steps it was due."""
        if len(self._per_epoch) == 1:
            return 0, step
        if not self._first <= step < self._last:
            self._draw_epoch(self._epoch(step))
        return self._sets[step - self._first], self._numbers[step - self._first]

    def step_of(self, place: int, number: int) -> int:
        """The step at which a set is due after `number` earlier ones: the inverse of `at`."""
        if len(self._per_epoch) == 1:
            return number
        if (place, number) not in self._steps:
            self._draw_epoch(self._epoch(number, place))
            due = zip(self._sets, self._numbers, strict=True)
            self._steps = {one: step for step, one in enumerate(due, start=self._first)}
        return self._steps[place, number]

    def _epoch(self, number: int, place: int | None = None) -> int:
        """The epoch of the batch of that number: of a set, or of all of them."""

        def before(epoch: int) -> int:
            return int(self._before(epoch).sum() if place is None else self._before(epoch)[place])

        epoch = int(number / (self._per_epoch.sum() if place is None else self._per_epoch[place]))
        while before(epoch) > number:
            epoch -= 1
        while before(epoch + 1) <= number:
            epoch += 1
        return epoch

    def _draw_epoch(self, epoch: int) -> None:
        before = self._before(epoch)
        counts = self._before(epoch + 1) - before
        sets = np.repeat(np.arange(len(counts)), counts)
        sets = sets[self._stream.permutation(len(sets), Purpose.SET, epoch)]
        numbers = np.empty(len(sets), dtype=np.int64)
        for number, first in enumerate(before.tolist()):
            mine = sets == number
            numbers[mine] = first + np.arange(mine.sum())
        self._first = int(before.sum())
        self._last = self._first + len(sets)
        self._sets, self._numbers = sets.tolist(), numbers.tolist()

    def _before(self, epoch: int) -> npt.NDArray[np.int64]:
        """Batches of every set in the epochs before this one: [S]."""
        found: npt.NDArray[np.int64] = np.floor(self._per_epoch * epoch + self._offsets).astype(np.int64)
        return found


@dataclass(frozen=True)
class Due:
    """What is due at one batch of a set."""

    items: Indices
    """[B], indices into the training data"""
    language: int
    """Index into the languages: one that every item has"""


@dataclass
class _Line:
    """Items that are due one after the other, and where the next ones are taken from: a part of an epoch and a place in
    it.
    """

    members: npt.NDArray[np.bool_] | None
    """[N], which items stand in this line; None: all."""
    part: int = 0
    place: int = 0


class ItemStream:
    """The items of a set, batch after batch: every item once per epoch, no two of a group in a batch.

    The items of an epoch are in random order, those of a group spread evenly over it. A batch has one language: it is
    drawn from the languages of the item that has been due for longest, and the batch holds the items that have been
    due for longest among those that exist in this language. An item whose group the batch already holds stays due for
    the next one. So the count of an item never lags behind for long, and where all items exist in all languages, the
    batches are the epochs cut into pieces, whatever the languages.

    A group of more items than an epoch has batches cannot show all of them in one: its items take turns, an epoch holds
    as many of them as it has batches.
    """

    def __init__(
        self,
        items: Indices,
        groups: npt.NDArray[np.int64],
        has: npt.NDArray[np.bool_],
        weights: Weights,
        batch_size: int,
        number: int,
        stream: Stream,
        weights_at: Callable[[int], Weights] | None = None,
    ) -> None:
        """Any language that an item has must exist in at least `batch_size` groups.

        Args:
            items: [N], indices into the training data.
            groups: [N], their groups.
            has: [L, N], the languages in which they can serve; at least one each.
            weights: [L], the language is drawn in proportion to these.
            batch_size: items of a batch.
            number: of the set, which tells its random numbers from those of others.
            stream: of the training.
            weights_at: gives weights that take their place at the set's batch of a number.
        """
        self._items, self._has, self._weights, self._weights_at = items, has, weights, weights_at
        self._batch_size, self._number, self._stream = batch_size, number, stream
        self._order = _EpochOrder(groups, batch_size, number, stream)
        self._groups, self._all_apart = groups, self._order.all_apart
        self._parts = -(-self._order.size // _PART)
        columns = {column: has[column].tobytes() for column in np.flatnonzero(has.any(axis=1)).tolist()}
        members = {key: None if has[column].all() else has[column] for column, key in columns.items()}
        self._line_of = {column: list(members).index(key) for column, key in columns.items()}
        self._members = list(members.values())
        self._bounds: dict[bytes, tuple[list[int], list[float]]] = {}
        self._restart()

    @property
    def items_per_epoch(self) -> int:
        """Items that an epoch holds: all of them, unless there is a group of too many."""
        return self._order.size

    def at(self, number: int) -> Due:
        """What is due at the set's batch of that number."""
        if number != self._next - 1 and number < self._next:
            self._restart()
        while self._next <= number:
            self._due = self._take()
            self._next += 1
        return self._due

    def _restart(self) -> None:
        self._seen = np.full(len(self._items), -1, dtype=np.int32)
        self._lines = [_Line(members) for members in self._members]
        self._lists: dict[tuple[int, int], Indices] = {}
        self._orders: dict[int, Indices] = {}
        self._head = _Line(None)
        self._next = 0
        self._block = -1
        self._uniforms: list[float] = []

    def _take(self) -> Due:
        language = self._language()
        return Due(self._items[self._from_line(self._line_of[language])], language)

    def _language(self) -> int:
        block, place = divmod(self._next, _BLOCK)
        if block != self._block:
            self._block = block
            self._uniforms = self._stream.at(Purpose.LANGUAGE, block, self._number).random(_BLOCK).tolist()
        # Where all items exist in all languages, any of them will do.
        has = self._has[:, 0 if self._members == [None] else self._longest_due()]
        key = has.tobytes()
        if self._weights_at is not None:
            self._weights, self._bounds = self._weights_at(self._next), {}
        if key not in self._bounds:
            languages = np.flatnonzero(has)
            bounds = np.cumsum(self._weights[languages])
            self._bounds[key] = languages.tolist(), [*(bounds[:-1] / bounds[-1]).tolist(), math.inf]
        languages_of_item, bounds_of_item = self._bounds[key]
        return languages_of_item[bisect_right(bounds_of_item, self._uniforms[place])]

    def _longest_due(self) -> int:
        """The first item of the oldest epoch that has not been seen in it."""
        head = self._head
        while True:
            order = self._list(_HEAD, head.part)
            window = order[head.place : head.place + self._batch_size]
            due = self._seen[window] < head.part // self._parts
            first = int(due.argmax()) if len(window) else 0
            if len(window) and due[first]:
                head.place += first
                return int(window[first])
            head.place += len(window)
            if head.place >= len(order):
                head.part, head.place = head.part + 1, 0

    def _from_line(self, number: int) -> npt.NDArray[np.int32]:
        """The next items of a line; marks them as seen."""
        line = self._lines[number]
        part, place = line.part, line.place
        left: tuple[int, int] | None = None
        taken: list[npt.NDArray[np.int32]] = []
        groups: set[int] = set()
        wanted = width = self._batch_size
        while wanted:
            epoch = part // self._parts
            window = self._list(number, part)[place : place + width]
            if len(window) == 0:
                part, place = part + 1, 0
                continue
            due = np.flatnonzero(self._seen[window] < epoch)
            fitting, skipped = self._fitting(window[due], groups, wanted)
            chosen = due[:wanted] if fitting is None else due[fitting]
            if skipped >= 0 and left is None:
                left = part, place + int(due[skipped])
            wanted -= len(chosen)
            place += len(window) if wanted else int(chosen[-1]) + 1
            taken.append(window[chosen])
            self._seen[taken[-1]] = epoch
            width *= 2
        line.part, line.place = (part, place) if left is None else left
        return taken[0] if len(taken) == 1 else np.concatenate(taken)

    def _fitting(self, items: npt.NDArray[np.int32], groups: set[int], wanted: int) -> tuple[list[int] | None, int]:
        """The places of the first `wanted` items whose groups are not in the batch, and that of the first item left.

        Adds their groups to those in the batch. None for the first ones without a gap; -1 where none is left.
        """
        if self._all_apart and not groups:
            if len(items) < wanted:
                # The same item may be due again where the batch goes on with the next epoch.
                groups.update(self._groups[items].tolist())
            return None, -1
        found = self._groups[items[:wanted]].tolist()
        if len(set(found)) == len(found) and groups.isdisjoint(found):
            groups.update(found)
            return None, -1
        chosen: list[int] = []
        skipped = -1
        for place, group in enumerate(self._groups[items].tolist()):
            if len(chosen) == wanted:
                break
            if group in groups:
                skipped = place if skipped < 0 else skipped
            else:
                groups.add(group)
                chosen.append(place)
        return chosen, skipped

    def _list(self, line: int, part: int) -> Indices:
        """The items of a part of an epoch, as far as a line has them."""
        found = self._lists.get((line, part))
        if found is None:
            epoch, number = divmod(part, self._parts)
            if epoch not in self._orders:
                oldest = min(one.part for one in self._lines) // self._parts
                self._orders = {key: kept for key, kept in self._orders.items() if key >= oldest}
                self._orders[epoch] = self._order.of(epoch)
            found = self._orders[epoch][number * _PART : (number + 1) * _PART]
            members = None if line == _HEAD else self._members[line]
            if members is not None:
                found = found[members[found]]
            self._lists = {key: kept for key, kept in self._lists.items() if not self._is_over(*key)}
            self._lists[line, part] = found
        return found

    def _is_over(self, line: int, part: int) -> bool:
        return part < (self._head if line == _HEAD else self._lines[line]).part


class _EpochOrder:
    """The order of the items in every epoch: random, those of a group spread evenly."""

    def __init__(self, groups: npt.NDArray[np.int64], batch_size: int, number: int, stream: Stream) -> None:
        self._number, self._stream = number, stream
        self._total = len(groups)
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self.all_apart = bool(sizes.max(initial=0) <= 1)
        self.size = self._total
        if self.all_apart:
            return
        shown = np.minimum(sizes, _batches_per_epoch(sizes, batch_size))
        self.size = int(shown.sum())
        by_group = np.argsort(group, kind="stable")
        in_company = by_group[((sizes > 1) & (shown == sizes))[group[by_group]]]
        self._company, self._rank_of_group, self._size_of_group = in_company, *_ranks(group[in_company], sizes)
        too_large = np.flatnonzero(shown < sizes)
        turns = stream.at(Purpose.TURNS, number).random(self._total)
        members = [by_group[np.searchsorted(group[by_group], g) :][: sizes[g]] for g in too_large]
        self._too_large = [
            (own[np.argsort(turns[own], kind="stable")], int(shown[g]))
            for g, own in zip(too_large, members, strict=True)
        ]
        self._rest = np.flatnonzero((shown == sizes)[group]) if len(too_large) else None

    def of(self, epoch: int) -> Indices:
        """int32 [size], numbers of items."""
        if self.all_apart:
            return self._stream.permutation(self._total, Purpose.EPOCH, epoch, self._number)
        generator = self._stream.at(Purpose.EPOCH, epoch, self._number)
        keys = generator.random(self._total)
        # The items of a group take places at random, one in each of as many stretches of the epoch.
        order = np.argsort(self._rank_of_group + keys[self._company], kind="stable")
        place = np.arange(len(order)) - np.searchsorted(self._rank_of_group, self._rank_of_group)
        keys[self._company[order]] = (place + generator.random(len(order))) / self._size_of_group
        shown = [self._rest] if self._rest is not None else []
        for members, count in self._too_large:
            turn = members[(epoch * count + np.arange(count)) % len(members)]
            keys[turn] = (np.arange(count) + generator.random(count)) / count
            shown.append(turn)
        items = np.concatenate(shown) if shown else None
        order = np.argsort(keys if items is None else keys[items], kind="stable")
        return (order if items is None else items[order]).astype(np.int32)


def _ranks(
    groups: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of sorted groups: how many groups come before each, and the size of each."""
    return np.cumsum(np.concatenate([[False], groups[1:] != groups[:-1]])[: len(groups)]), sizes[groups]


def _batches_per_epoch(sizes: npt.NDArray[np.int64], batch_size: int) -> int:
    """The largest number of batches without two items of a group that groups of such sizes can fill.

    Groups show as many items as there are batches, if they have so many: the largest k with Σ min(size, k) ≥ k B.
    """
    ascending = np.sort(sizes)
    low, high = 1, max(1, int(sizes.sum()) // batch_size)
    sums = np.concatenate([[0], np.cumsum(ascending)])
    while low < high:
        middle = (low + high + 1) // 2
        below = int(np.searchsorted(ascending, middle, side="right"))
        if sums[below] + (len(sizes) - below) * middle >= middle * batch_size:
            low = middle
        else:
            high = middle - 1
    return low
