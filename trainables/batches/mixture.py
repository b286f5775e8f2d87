"""The mixture of training sets: which of them can fill a batch of a sort, and with what probability each one does.

A sort of batch is monolingual in one language, or cross-lingual; each has a `LanguageRule`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices
from trainables.batches.eligible import EligibleItems
from trainables.batches.languages import LanguageRule
from trainables.corpora.pairs import TrainingData


def eligible_items(data: TrainingData, rules: Sequence[LanguageRule]) -> list[list[EligibleItems]]:
    """The items of every set under every language rule: [S][R]."""
    bounds = np.searchsorted(data.set_of_item, np.arange(len(data.set_names) + 1))
    table = []
    for first, last in pairwise(bounds.tolist()):
        by_group = (first + np.argsort(data.group_of_item[first:last], kind="stable")).astype(np.int32)
        table.append(
            [EligibleItems(_only(by_group, rule.eligible(by_group)), rule, data.group_of_item) for rule in rules]
        )
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

    sets: tuple[EligibleItems | None, ...]
    """[S], None for a set that cannot fill a batch."""
    shares: npt.NDArray[np.float64]
    """[S], probability that a batch comes from a set."""
    kept: tuple[float, ...]
    """[S], probability that a set is taken when it is due."""
    substitute_bounds: tuple[float, ...]
    """[S], cumulative probabilities of the substitute; its last one is infinite."""

    def drawn(self, number: int) -> EligibleItems:
        """The items of the set that was drawn. Raises ValueError for one that cannot fill a batch: it is never
        drawn.
        """
        found = self.sets[number]
        if found is None:
            raise ValueError(f"set number {number} cannot fill a batch")
        return found

    @property
    def items(self) -> int:
        """The number of items that can serve."""
        return sum(len(one) for one in self.sets if one is not None)


def set_mixture(
    sets: Sequence[EligibleItems], batch_size: int, due: npt.NDArray[np.float64], weights: Sequence[float] | None
) -> SetMixture | None:
    """The mixture of S sets for one sort of batch; None if no set can fill a batch.

    Args:
        sets: [S], what each set has for this sort of batch.
        batch_size: pairs of a batch.
        due: [S], probability that a set is due.
        weights: [S], the shares are in proportion to these, or to the numbers of eligible items.
    """
    able = tuple(one if one.groups >= batch_size else None for one in sets)
    if not any(able):
        return None
    wanted = [len(one) for one in sets] if weights is None else weights
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
