"""The batch planner: which pairs, in which languages, every batch holds.

A batch is a pure function of (seed, step, kind, data, batch size, options), whatever was planned before. Rules:

- A monolingual batch is in one language, drawn uniformly (or by temperature) over the languages in which some set can
  fill a batch.
- A cross-lingual batch draws, for each pair on its own, two different languages from the ordered pairs that the item
  has.
- No two pairs share an item, a group, a query text or a passage text.
- A batch comes from one training set, drawn in proportion to the items that can serve the batch's kind and language,
  or to `set_weights`, among the sets that can fill such a batch.
- Common random numbers: the set and the items that are due at a step do not depend on the kind. They are the next B
  of the set's shuffled epoch. A due item that cannot serve (no text in the language, no pair of languages, a group or
  text that the batch already has) is replaced in its place by one drawn at random from those that can. So where every
  item has every language, groups and texts are not shared and sets have at least 3 B items, each epoch of a set holds
  each of its items exactly once, in every arm.
- Where sets differ in what they can serve, the set that is due is taken as often as the shares above allow (a maximal
  coupling); the batch of a set that was not due holds items drawn at random only.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from trainables.batches.assembly import BatchAssembly
from trainables.batches.batch import Batch
from trainables.batches.epochs import DueSets, Epochs
from trainables.batches.kinds import Kind
from trainables.batches.languages import CrossLingual, LanguageRule, Monolingual
from trainables.batches.mixture import EligibleSet, eligible_sets, proportions, set_mixture
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.pairs import TrainingData
from trainables.errors import UserError, unknown_name


class BatchPlanner:
    """Plans the batches of one training. Not for use by several threads at once.

    >>> from trainables.corpora.pairs import PairItem, training_data
    >>> texts = [{"de": f"Satz {i}", "en": f"sentence {i}"} for i in range(9)]
    >>> items = [PairItem(str(i), str(i), query=both, passage=both) for i, both in enumerate(texts)]
    >>> planner = BatchPlanner(training_data({"toy": items}), batch_size=3, seed=0)
    >>> mono, cross = planner.batch(0, "mono"), planner.batch(0, "cross")
    >>> mono.items.tolist() == cross.items.tolist()
    True
    >>> mono.query_language.tolist() == mono.passage_language.tolist()
    True
    >>> any(cross.query_language == cross.passage_language)
    False
    """

    def __init__(
        self,
        data: TrainingData,
        batch_size: int,
        seed: int,
        *,
        language_temperature: float | None = None,
        set_weights: Mapping[str, float] | None = None,
    ) -> None:
        """Finds out what the data can serve.

        Args:
            data: one or several training sets.
            batch_size: pairs of a batch over all workers.
            seed: of the training; with the data's fingerprint it decides every random number.
            language_temperature: τ draws the language of monolingual batches in proportion to n^(1/τ), n the items in
                it; None is uniform.
            set_weights: take the place of the sizes in the draw of the set, by name.

        Raises:
            UserError: no batch of any kind can be filled; weights that are not positive or do not name exactly the
                training sets; a batch size or a temperature out of range.
        """
        if batch_size < 1:
            raise UserError(f"The batch size is {batch_size}, but must be at least 1.")
        if language_temperature is not None and not 0 < language_temperature < math.inf:
            raise UserError(f"The language temperature is {language_temperature}, but must be a number above 0.")
        if not data.languages:
            raise UserError("There is no training data: name at least one training set that has items.")
        self.data = data
        self.batch_size = batch_size
        self.left_out: list[tuple[str, str]] = []
        """The sets that cannot fill a batch of any kind, each with the reason."""
        self.languages_left_out: list[tuple[str, str]] = []
        """The languages in which no set can fill a monolingual batch, each with the reason."""
        self._stream = Stream(seed, data.fingerprint)
        self._most: dict[Kind, int] = {"mono": 0, "cross": 0}
        table = self._usable_sets()
        sets = [row[0].set_index for row in table]
        bounds = np.searchsorted(data.set_of_item, np.arange(len(data.set_names) + 1)).tolist()
        sizes = [bounds[number + 1] - bounds[number] for number in sets]
        weights = None if set_weights is None else _weights(data.set_names, sets, set_weights)
        due = proportions(sizes if weights is None else weights)
        self._sets = sets
        self._due_sets = DueSets(due, self._stream)
        self._epochs = [
            Epochs(bounds[number], size, number, batch_size, self._stream)
            for number, size in zip(sets, sizes, strict=True)
        ]
        mixtures = [set_mixture(column, batch_size, due, weights) for column in zip(*table, strict=True)]
        self._cross = mixtures.pop()
        self._languages = [number for number, mixture in enumerate(mixtures) if mixture is not None]
        self._mono = [mixture for mixture in mixtures if mixture is not None]
        power = 0.0 if language_temperature is None else 1 / language_temperature
        self._language_shares = proportions([mixture.items**power for mixture in self._mono])
        self._language_bounds = [*np.cumsum(self._language_shares)[:-1].tolist(), math.inf]

    def _usable_sets(self) -> list[list[EligibleSet]]:
        # The sets that fill any batch, by sort of batch: one per language, the cross-lingual one last.
        data, batch_size = self.data, self.batch_size
        rules: list[LanguageRule] = [Monolingual(data, number) for number in range(len(data.languages))]
        table = eligible_sets(data, [*rules, CrossLingual(data)], batch_size, self._stream)
        most = [max((len(one.feasible) for one in column), default=0) for column in zip(*table, strict=True)]
        self._most = {"mono": max(most[:-1], default=0), "cross": most[-1] if most else 0}
        self.languages_left_out = [
            (language, _too_few(count, batch_size))
            for language, count in zip(data.languages, most, strict=False)
            if count < batch_size
        ]
        usable = []
        for row in table:
            count = max(len(one.feasible) for one in row)
            if count < batch_size:
                self.left_out.append((data.set_names[row[0].set_index], _too_few(count, batch_size)))
            else:
                usable.append(row)
        if not usable:
            raise self._unfillable("mono" if self._most["mono"] >= self._most["cross"] else "cross")
        return usable

    def check(self, kind: Kind) -> None:
        """Raises UserError, with what to do, if no batch of this kind can be filled."""
        if not (self._mono if kind == "mono" else self._cross):
            raise self._unfillable(kind)

    def _unfillable(self, kind: Kind) -> UserError:
        most = self._most[kind]
        what = "monolingual" if kind == "mono" else "cross-lingual"
        lower = f"use --batch-size {most} or less, or " if most > 1 else ""
        return UserError(
            f"No {what} batch of {self.batch_size} can be filled: no training set has more than {most} items for one "
            f"that share no group and no text; {lower}add training data."
        )

    def batch(self, step: int, kind: Kind) -> Batch:
        """The batch of a step, given its kind. Raises UserError if no batch of the kind can be filled."""
        due, number = self._due_sets.at(step)
        items = self._epochs[due].at(number)
        generator = self._stream.at(Purpose.BATCH, step)
        # Both kinds take the same numbers in the same order, so that they agree wherever the data allows it.
        language, keep, substitute = generator.random(3).tolist()
        uniforms = generator.random(self.batch_size)
        if kind == "mono" and self._mono:
            mixture = self._mono[bisect_right(self._language_bounds, language)]
        elif kind == "cross" and self._cross is not None:
            mixture = self._cross
        else:
            raise self._unfillable(kind)
        kept = keep < mixture.kept[due]
        chosen = mixture.drawn(due if kept else bisect_right(mixture.substitute_bounds, substitute))
        assembly = BatchAssembly(self.batch_size, self.data.group_of_item)
        if kept:
            assembly.place(chosen.items.rule.pairs(items, uniforms))
        assembly.fill(chosen.items, generator)
        pairs = assembly.pairs()
        if len(pairs) < self.batch_size:
            pairs = chosen.feasible
        return Batch(
            step,
            kind,
            chosen.set_index,
            pairs.items.astype(np.int64),
            pairs.query_language,
            pairs.passage_language,
            pairs.query_text,
            pairs.passage_text,
        )

    @property
    def language_shares(self) -> dict[str, float]:
        """The probability of each language in a monolingual batch; languages that fill none are left out."""
        names = [self.data.languages[number] for number in self._languages]
        return dict(zip(names, self._language_shares.tolist(), strict=True))

    def set_shares(self, kind: Kind) -> dict[str, float]:
        """The probability that a batch of the kind comes from each training set in use; empty if none can be filled."""
        shares: npt.NDArray[np.float64] | None = None
        if kind == "cross":
            shares = None if self._cross is None else self._cross.shares
        elif self._mono:
            shares = self._language_shares @ np.array([mixture.shares for mixture in self._mono])
        names = [self.data.set_names[number] for number in self._sets]
        return {} if shares is None else dict(zip(names, shares.tolist(), strict=True))


def _weights(names: Sequence[str], sets: Sequence[int], given: Mapping[str, float]) -> list[float]:
    for name in given:
        if name not in names:
            raise unknown_name("training set", name, names)
    for name in names:
        if not 0 < given.get(name, math.nan) < math.inf:
            raise UserError(f"The weight of training set {name!r} is {given.get(name)}, but must be a number above 0.")
    return [float(given[names[number]]) for number in sets]


def _too_few(most: int, batch_size: int) -> str:
    return f"at most {most} items that share no group and no text, a batch needs {batch_size}"
