"""The batch planner: which pairs, in which languages, every batch holds.

A batch is a pure function of (seed, step, kind, data, batch size, options), whatever was planned before. Rules:

- A monolingual batch is in one language, drawn uniformly (or by a temperature, which may change with the step) over
  the languages of the item that has been due for longest: where all items exist in all languages, over all of them.
- A cross-lingual batch draws, for each pair on its own, two different languages from the ordered pairs that the item
  has.
- No two pairs share an item or a group. Items with a text in common are one group (trainables.corpora.pairs).
- A batch comes from one training set, in proportion to its items (or pairs, or weights); both kinds by the same rule.
- Items `common`: only items that can serve both kinds (common.py). The sequence of sets, items and languages is a
  function of the seed alone; the kind of a batch decides only in which languages its items appear. So every arm,
  whatever its ratio, sees the same items in the same order. Every item is seen once per epoch of its set; one that
  does not fit a batch, since its group is in it, is due in the next one (epochs.py).
- Explicit negatives (negatives.py) are drawn by seed and step, whatever the kind.
- Items `all`: every item that can serve the kind of the batch (every.py). What is due is the same in every arm; items
  that cannot serve are replaced, so that the ratio also decides which items are seen.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from trainables.batches.batch import Batch, Indices, Pairs
from trainables.batches.common import CommonItems, SetShare, serving_items
from trainables.batches.config import BatchConfig
from trainables.batches.eligible import EligibleItems
from trainables.batches.every import EveryItem
from trainables.batches.kinds import Kind
from trainables.batches.language_draw import LanguageDraw
from trainables.batches.languages import CrossLingual, LanguageRule, Monolingual
from trainables.batches.mixture import eligible_items
from trainables.batches.negatives import HardNegatives
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.pairs import TrainingData
from trainables.errors import UserError, unknown_name


class BatchPlanner:
    """Plans the batches of one training. Not for use by several threads at once.

    >>> from trainables.corpora.items import PairItem
    >>> from trainables.corpora.pairs import training_data
    >>> def item(n):
    ...     query, passage = {"de": f"Frage {n}", "en": f"question {n}"}, {"de": f"Satz {n}", "en": f"line {n}"}
    ...     return PairItem(str(n), str(n), query, passage)
    >>> planner = BatchPlanner(training_data({"toy": [item(n) for n in range(9)]}), batch_size=3, seed=0)
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
        items: str = "common",
        language_temperature: float | None = None,
        last_language_temperature: float | None = None,
        steps: int | None = None,
        set_share: SetShare = "items",
        set_weights: Mapping[str, float] | None = None,
        hard_negatives: int = 1,
    ) -> None:
        """Finds out what the data can serve.

        Args:
            data: one or several training sets.
            batch_size: pairs of a batch over all workers.
            seed: of the training; with the data's fingerprint it decides every random number.
            items: `common` or `all`.
            language_temperature: τ draws the language of monolingual batches in proportion to n^(1/τ), n the items in
                it; None is uniform.
            last_language_temperature: to which 1/τ goes in a straight line; None: it stays.
            steps: of the training, over which it does.
            set_share: what the share of a set is in proportion to.
            set_weights: take the place of `set_share`, by name.
            hard_negatives: explicit negatives per query, where its item has any.

        Raises:
            ValueError: a last temperature without steps.
            UserError: no batch of any kind can be filled; weights that are not positive or do not name exactly the
                training sets; a batch size or a temperature out of range.
        """
        if batch_size < 1:
            raise UserError(f"The batch size is {batch_size}, but must be at least 1.")
        for what, value in (("", language_temperature), ("last ", last_language_temperature)):
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"The {what}language temperature is {value}, but must be a number above 0.")
        if not data.languages:
            raise UserError("There is no training data: name at least one training set that has items.")
        self.data = data
        self.batch_size = batch_size
        self.left_out: list[tuple[str, str]] = []
        """The sets that cannot fill a batch of any kind, each with the reason."""
        self.languages_left_out: list[tuple[str, str]] = []
        """The languages in which no set can fill a monolingual batch, each with the reason."""
        self.items_in_use = 0
        """Items that batches can hold."""
        self._stream = Stream(seed, data.fingerprint)
        self._most: dict[Kind, int] = {"mono": 0, "cross": 0}
        self._cross = CrossLingual(data)
        self._common_only = items == "common"
        self.negatives = HardNegatives(data, hard_negatives, same_in_all_languages=self._common_only)
        """The explicit negatives that batches can hold."""
        languages = LanguageDraw.of(language_temperature, last_language_temperature, steps)
        self._plan: CommonItems | EveryItem
        if self._common_only:
            self._plan = self._common(languages, set_share, set_weights)
        else:
            self._plan = self._all(languages, set_weights)

    @classmethod
    def of(cls, data: TrainingData, batches: BatchConfig, seed: int, steps: int | None = None) -> "BatchPlanner":
        """The planner of a training with such batches, of so many steps; raises UserError as the constructor does."""
        return cls(
            data,
            batches.size,
            seed,
            items=batches.items,
            language_temperature=batches.language_temperature,
            last_language_temperature=batches.last_language_temperature,
            steps=steps,
            set_share=batches.set_share,
            set_weights=batches.set_weights,
            hard_negatives=batches.hard_negatives,
        )

    def check(self, kind: Kind) -> None:
        """Raises UserError, with what to do, if no batch of this kind can be filled."""
        if self._most[kind] < self.batch_size:
            raise self._unfillable(kind)

    def batch(self, step: int, kind: Kind) -> Batch:
        """The batch of a step, given its kind. Raises UserError if no batch of the kind can be filled."""
        self.check(kind)
        if isinstance(self._plan, EveryItem):
            set_index, pairs = self._plan.pairs(step, kind)
        else:
            set_index, items, language = self._plan.at(step)
            pairs = self._mono[language].pairs(items) if kind == "mono" else self._cross_pairs(step, items)
        return self._batch(step, kind, set_index, pairs)

    def mixed_batch(self, step: int, mono: int) -> Batch:
        """The batch of a step of which so many pairs, drawn at random, are monolingual and the others cross-lingual.

        The items are those that the step has in a batch of one kind. Raises ValueError where items are `all`.
        """
        if isinstance(self._plan, EveryItem):
            raise ValueError("the items of a batch of both kinds must be common")
        set_index, items, language = self._plan.at(step)
        chosen = np.argsort(self._stream.at(Purpose.MIX, step).random(len(items)), kind="stable")[:mono]
        pairs = self._cross_pairs(step, items)
        in_one = self._mono[language].pairs(items[chosen])
        for name in ("query_language", "passage_language", "query_text", "passage_text"):
            getattr(pairs, name)[chosen] = getattr(in_one, name)
        return self._batch(step, None, set_index, pairs)

    @cached_property
    def set_shares(self) -> dict[str, float]:
        """The share of the batches that each training set in use has, where items are `common`; else empty."""
        if isinstance(self._plan, EveryItem):
            return {}
        names = [self.data.set_names[number] for number in self._sets]
        return dict(zip(names, self._plan.set_shares.tolist(), strict=True))

    def _batch(self, step: int, kind: Kind | None, set_index: int, pairs: Pairs) -> Batch:
        return Batch(
            step,
            kind,
            set_index,
            pairs.items.astype(np.int64),
            pairs.query_language,
            pairs.passage_language,
            pairs.query_text,
            pairs.passage_text,
            self.negatives.of(pairs, self._stream, step),
        )

    def _cross_pairs(self, step: int, items: Indices) -> Pairs:
        return self._cross.pairs(items, self._stream.at(Purpose.BATCH, step).random(len(items)))

    @cached_property
    def _mono(self) -> list[Monolingual]:
        return [Monolingual(self.data, number) for number in range(len(self.data.languages))]

    def _common(self, languages: LanguageDraw, share: SetShare, set_weights: Mapping[str, float] | None) -> CommonItems:
        data = self.data
        found = [serving_items(data, self._cross, number) for number in range(len(data.set_names))]
        most = [one.groups.max(initial=0) for one in found]
        self._most = {"mono": int(max(most)), "cross": int(max(most))}
        in_language = np.max([one.groups for one in found], axis=0)
        self._note_languages(in_language.tolist())
        self._sets = self._usable([int(count) for count in most], " that serve both kinds of batch")
        sets = [(number, found[number].in_languages(found[number].groups >= self.batch_size)) for number in self._sets]
        self.items_in_use = sum(len(one.items) for _, one in sets)
        weights = None if set_weights is None else _weights(data.set_names, self._sets, set_weights)
        return CommonItems(data, sets, self.batch_size, self._stream, share=share, weights=weights, languages=languages)

    def _all(self, languages: LanguageDraw, set_weights: Mapping[str, float] | None) -> EveryItem:
        data = self.data
        rules: list[LanguageRule] = [*self._mono, self._cross]
        table = eligible_items(data, rules)
        most = [max(one.groups for one in column) for column in zip(*table, strict=True)]
        self._most = {"mono": max(most[:-1], default=0), "cross": most[-1]}
        self._note_languages(most[:-1])
        self._sets = self._usable([max(one.groups for one in row) for row in table], "")
        self.items_in_use = int(np.isin(data.set_of_item, self._sets).sum())
        weights = None if set_weights is None else _weights(data.set_names, self._sets, set_weights)
        used: Sequence[Sequence[EligibleItems]] = [table[number] for number in self._sets]
        return EveryItem(data, used, self._sets, self.batch_size, self._stream, weights=weights, languages=languages)

    def _note_languages(self, most: Sequence[int]) -> None:
        self.languages_left_out = [
            (language, self._too_few(count))
            for language, count in zip(self.data.languages, most, strict=True)
            if count < self.batch_size
        ]

    def _usable(self, most: Sequence[int], what: str) -> list[int]:
        """The sets that can fill a batch. Raises UserError if there is none."""
        names = self.data.set_names
        self.left_out = [
            (name, self._too_few(count, what))
            for name, count in zip(names, most, strict=True)
            if count < self.batch_size
        ]
        usable = [number for number, count in enumerate(most) if count >= self.batch_size]
        if not usable:
            raise self._unfillable("mono" if self._most["mono"] >= self._most["cross"] else "cross")
        return usable

    def _too_few(self, most: int, what: str = "") -> str:
        return f"at most {most} items{what} in groups of their own, a batch needs {self.batch_size}"

    @property
    def _has_translations(self) -> bool:
        """Whether any item has texts in two languages."""
        languages = (self.data.query_text >= 0) | (self.data.passage_text >= 0)
        return bool((languages.sum(axis=1) > 1).any())

    def _unfillable(self, kind: Kind) -> UserError:
        most = self._most[kind]
        what = "monolingual" if kind == "mono" else "cross-lingual"
        lower = f"use --batch-size {most} or less, or " if most > 1 else ""
        if len(self.data.languages) == 1:
            return UserError(
                f"All training texts are in {self.data.languages[0]}, and a study needs batches of both kinds: give "
                "translations of the items, or one more training set in several languages and --set batches.items=all."
            )
        if not self._has_translations:
            return UserError(
                f"No cross-lingual batch of {self.batch_size} can be filled: every one of the {len(self.data):,} items "
                "is in one language; give what is a translation one id (pair_id, or a column parallel_id), or one more "
                "training set in several languages and --set batches.items=all."
            )
        if self._common_only:
            return UserError(
                f"No batch of {self.batch_size} can be filled: no training set has more than {most} items in groups of "
                "their own that exist, question and passage, in one common language and in two different ones; "
                f"{lower}give --set batches.items=all to use items that serve one kind of batch, or add training data."
            )
        return UserError(
            f"No {what} batch of {self.batch_size} can be filled: no training set has more than {most} items for one "
            f"that share no group and no text; {lower}add training data."
        )


def _weights(names: Sequence[str], sets: Sequence[int], given: Mapping[str, float]) -> list[float]:
    for name in given:
        if name not in names:
            raise unknown_name("training set", name, names)
    for name in names:
        if not 0 < given.get(name, math.nan) < math.inf:
            raise UserError(f"The weight of training set {name!r} is {given.get(name)}, but must be a number above 0.")
    return [float(given[names[number]]) for number in sets]
