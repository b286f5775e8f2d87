"""The mixture of training sets: which of them can fill a batch of a sort, and with what probability each one does.

A sort of batch is monolingual in one language, or cross-lingual; each has a `LanguageRule`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.batches.assembly import BatchAssembly
from trainables.batches.batch import Indices, Pairs
from trainables.batches.eligible import EligibleItems
from trainables.batches.languages import LanguageRule
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.pairs import TrainingData


@dataclass(frozen=True, eq=False)
class EligibleSet:
    """What one training set has for one sort of batch."""

    set_index: int
    items: EligibleItems
    feasible: Pairs
    """Pairs that share no group and no text, found by assembling a batch once: if they are as many as a batch needs,
    they are a feasible batch. They prove that the set can fill one, and are used where a later draw finds no other.
    """


def eligible_sets(
    data: TrainingData, rules: Sequence[LanguageRule], batch_size: int, stream: Stream
) -> list[list[EligibleSet]]:
    """Every set under every language rule: [S][R]."""
    bounds = np.searchsorted(data.set_of_item, np.arange(len(data.set_names) + 1))
    table = []
    for set_index in range(len(data.set_names)):
        first, last = bounds[set_index], bounds[set_index + 1]
        by_group = (first + np.argsort(data.group_of_item[first:last], kind="stable")).astype(np.int32)
        row = []
        for number, rule in enumerate(rules):
            items = EligibleItems(_only(by_group, rule.eligible(by_group)), rule, data.group_of_item)
            assembly = BatchAssembly(batch_size, data.group_of_item)
            assembly.fill(items, stream.at(Purpose.FEASIBLE, set_index, number))
            row.append(EligibleSet(set_index, items, assembly.pairs()))
        table.append(row)
    return table


def _only(items: Indices, eligible: npt.NDArray[np.bool_]) -> Indices:
    # Fully parallel data has one and the same list for all languages: keep one array then.
    return items if eligible.all() else items[eligible]


@dataclass(frozen=True, eq=False)
class SetMixture:
    """From which of S sets a batch of one sort comes, given which set is due.

    The due set is taken with probability `kept`, otherwise a substitute is drawn. This is the maximal coupling of the
    draw of the due set with the wanted shares: the sets are taken exactly in proportion to `shares`, and as often as
    possible when they are due.
    """

    sets: tuple[EligibleSet | None, ...]
    """[S], None for a set that cannot fill a batch."""
    shares: npt.NDArray[np.float64]
    """[S], probability that a batch comes from a set."""
    kept: tuple[float, ...]
    """[S], probability that a set is taken when it is due."""
    substitute_bounds: tuple[float, ...]
    """[S], cumulative probabilities of the substitute; its last one is infinite."""

    def drawn(self, number: int) -> EligibleSet:
        """The set that was drawn. Raises ValueError for one that cannot fill a batch: it is never drawn."""
        found = self.sets[number]
        if found is None:
            raise ValueError(f"set number {number} cannot fill a batch")
        return found

    @property
    def items(self) -> int:
        """The number of items that can serve."""
        return sum(len(one.items) for one in self.sets if one is not None)


def set_mixture(
    sets: Sequence[EligibleSet], batch_size: int, due: npt.NDArray[np.float64], weights: Sequence[float] | None
) -> SetMixture | None:
    """The mixture of S sets for one sort of batch; None if no set can fill a batch.

    Args:
        sets: [S], what each set has for this sort of batch.
        batch_size: pairs of a batch.
        due: [S], probability that a set is due.
        weights: [S], the shares are in proportion to these, or to the numbers of eligible items.
    """
    able = tuple(one if len(one.feasible) >= batch_size else None for one in sets)
    if not any(able):
        return None
    wanted = [len(one.items) for one in sets] if weights is None else weights
    shares = proportions([0 if one is None else size for one, size in zip(able, wanted, strict=True)])
    lacking = np.maximum(shares - due, 0)
    # With nothing lacking every due set is taken; then no substitute is ever drawn and the shares will do.
    bounds = np.cumsum(proportions(lacking if lacking.any() else shares))
    bounds[int(np.flatnonzero(lacking if lacking.any() else shares)[-1]) :] = np.inf
    return SetMixture(able, shares, tuple(np.minimum(shares / due, 1).tolist()), tuple(bounds.tolist()))


def proportions(sizes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The sizes divided by their sum."""
    array = np.asarray(sizes, dtype=np.float64)
    shares: npt.NDArray[np.float64] = array / array.sum()
    return shares
