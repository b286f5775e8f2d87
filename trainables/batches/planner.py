"""The batch planner: which pairs, in which languages, every batch holds.

A batch is a pure function of (seed, step, kind, data, batch size, options), whatever was planned before. Rules:

- A monolingual batch is in one language, drawn uniformly (or by temperature) over the languages in which some set can
  fill a batch.
- A cross-lingual batch draws, for each pair on its own, two different languages from the ordered pairs that the item
  has.
- No two members share an item, a group, a query text or a passage text.
- A batch comes from one training set, drawn in proportion to the items that can serve the batch's kind and language,
  or to `set_weights`, among the sets that can fill such a batch.
- Common random numbers: the set and the items that are due at a step do not depend on the kind. They are the next B
  of the set's shuffled epoch. A due item that cannot serve (no text in the language, no pair of languages, a group or
  text that the batch already has) is replaced in its place by one drawn at random from those that can. So where every
  item has every language, groups and texts are not shared and sets have at least 3 B items, each epoch of a set holds
  each of its items exactly once, in every arm.
- Where sets differ in what they can serve, the set that is due keeps its turn as often as the shares above allow (a
  maximal coupling); a set that serves out of turn draws all members at random.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.batches.draft import Draft
from trainables.batches.kinds import Kind
from trainables.batches.pools import OneLanguage, TwoLanguages, Usage
from trainables.batches.services import Server, proportions, servers_of, service
from trainables.batches.streams import Purpose, Stream
from trainables.batches.turns import Epochs, Turns
from trainables.corpora.pairs import TrainingData
from trainables.errors import UserError, unknown_name
from trainables.ratio.registry import RatioPolicy


@dataclass(frozen=True, eq=False)
class Batch:
    """B pairs of one training set; text indices are into `TrainingData.texts`."""

    step: int
    kind: Kind
    set_index: int
    """Index into `TrainingData.set_names`."""
    items: npt.NDArray[np.int64]
    """[B], index into the training data."""
    query_language: npt.NDArray[np.int16]
    """[B], index into `TrainingData.languages`."""
    passage_language: npt.NDArray[np.int16]
    """[B], index into `TrainingData.languages`."""
    query_text: npt.NDArray[np.int32]
    """[B]"""
    passage_text: npt.NDArray[np.int32]
    """[B]"""

    def __len__(self) -> int:
        return len(self.items)

    def shard(self, rank: int, world: int) -> "Batch":
        """The part of worker `rank` of `world`: contiguous and equal. Raises UserError if B is not divisible by
        `world`.
        """
        if len(self) % world:
            raise UserError(
                f"A batch of {len(self)} cannot be shared equally by {world} workers: "
                f"use a --batch-size that is a multiple of {world}."
            )
        if not 0 <= rank < world:
            raise ValueError(f"the rank is {rank}, but must be in [0, {world})")
        size = len(self) // world
        part = slice(rank * size, (rank + 1) * size)
        return Batch(
            self.step,
            self.kind,
            self.set_index,
            self.items[part],
            self.query_language[part],
            self.passage_language[part],
            self.query_text[part],
            self.passage_text[part],
        )


class BatchPlanner:
    """Plans the batches of one training. Not for use by several threads at once.

    `language_temperature` τ draws the language of monolingual batches in proportion to n^(1/τ), n the items in it;
    None is uniform. `set_weights` takes the place of the sizes in the draw of the set. Raises UserError if no batch
    of any kind can be filled, and for weights that are not positive or do not name exactly the training sets.
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
        self._reach: dict[Kind, int] = {"mono": 0, "cross": 0}
        table = self._table()
        sets = [row[0].set_index for row in table]
        bounds = np.searchsorted(data.set_of_item, np.arange(len(data.set_names) + 1)).tolist()
        sizes = [bounds[number + 1] - bounds[number] for number in sets]
        weights = None if set_weights is None else _weights(data.set_names, sets, set_weights)
        shares = proportions(sizes if weights is None else weights)
        self._sets = sets
        self._turns = Turns(shares, self._stream)
        self._epochs = [
            Epochs(bounds[number], size, number, batch_size, self._stream)
            for number, size in zip(sets, sizes, strict=True)
        ]
        services = [service(column, batch_size, shares, weights) for column in zip(*table, strict=True)]
        self._cross = services.pop()
        self._languages = [number for number, of_language in enumerate(services) if of_language is not None]
        self._mono = [of_language for of_language in services if of_language is not None]
        power = 0.0 if language_temperature is None else 1 / language_temperature
        self._language_shares = proportions([of_language.size**power for of_language in self._mono])
        self._language_bounds = [*np.cumsum(self._language_shares)[:-1].tolist(), math.inf]

    def _table(self) -> list[list[Server]]:
        # Sets in use by usages: one per language, the cross-lingual one last.
        data, batch_size = self.data, self.batch_size
        usages: list[Usage] = [OneLanguage(data, number) for number in range(len(data.languages))]
        table = servers_of(data, [*usages, TwoLanguages(data)], batch_size, self._stream)
        reach = [max((len(server.witness) for server in column), default=0) for column in zip(*table, strict=True)]
        self._reach = {"mono": max(reach[:-1], default=0), "cross": reach[-1] if reach else 0}
        self.languages_left_out = [
            (language, _too_few(most, batch_size))
            for language, most in zip(data.languages, reach, strict=False)
            if most < batch_size
        ]
        used = []
        for row in table:
            most = max(len(server.witness) for server in row)
            if most < batch_size:
                self.left_out.append((data.set_names[row[0].set_index], _too_few(most, batch_size)))
            else:
                used.append(row)
        if not used:
            raise self._unfillable("mono" if self._reach["mono"] >= self._reach["cross"] else "cross")
        return used

    def check(self, kind: Kind) -> None:
        """Raises UserError, with what to do, if no batch of this kind can be filled."""
        if not (self._mono if kind == "mono" else self._cross):
            raise self._unfillable(kind)

    def _unfillable(self, kind: Kind) -> UserError:
        most = self._reach[kind]
        what = "monolingual" if kind == "mono" else "cross-lingual"
        lower = f"use --batch-size {most} or less, or " if most > 1 else ""
        return UserError(
            f"No {what} batch of {self.batch_size} can be filled: no training set has more than {most} items for one "
            f"that share no group and no text; {lower}add training data."
        )

    def batch(self, step: int, kind: Kind) -> Batch:
        """The batch of a step, given its kind. Raises UserError if no batch of the kind can be filled."""
        due, turn = self._turns.at(step)
        items = self._epochs[due].at(turn)
        generator = self._stream.at(Purpose.BATCH, step)
        # Both kinds take the same numbers in the same order, so that they agree wherever the data allows it.
        language, keeps, stand_in = generator.random(3).tolist()
        uniforms = generator.random(self.batch_size)
        if kind == "mono" and self._mono:
            serving = self._mono[bisect_right(self._language_bounds, language)]
        elif kind == "cross" and self._cross is not None:
            serving = self._cross
        else:
            raise self._unfillable(kind)
        keeps_turn = keeps < serving.keeps_turn[due]
        server = serving.server(due if keeps_turn else bisect_right(serving.stand_in_bounds, stand_in))
        draft = Draft(self.batch_size, self.data.group_of_item)
        if keeps_turn:
            draft.offer_each(server.pool.usage.members(items, uniforms))
        draft.fill(server.pool, generator)
        members = draft.members()
        if len(members) < self.batch_size:
            members = server.witness
        return Batch(
            step,
            kind,
            server.set_index,
            members.items.astype(np.int64),
            members.query_language,
            members.passage_language,
            members.query_text,
            members.passage_text,
        )

    def describe(self, policy: RatioPolicy, steps: int) -> str:
        """What the first `steps` batches are expected to hold, one line per kind, language and set."""
        if policy.planned is None:
            return f"batches of {self.batch_size} pairs; how many are monolingual is decided in training"
        ratios = policy.planned[:steps]
        mono = math.fsum(ratios)
        cross = len(ratios) - mono
        of_sets = np.zeros(len(self._sets))
        rows = [("monolingual", mono)]
        for number, share, serving in zip(self._languages, self._language_shares, self._mono, strict=True):
            rows.append((f"  {self.data.languages[number]}", mono * share))
            of_sets += mono * share * serving.shares
        rows.append(("cross-lingual", cross))
        if self._cross is not None:
            of_sets += cross * self._cross.shares
        rows += [(f"set {self.data.set_names[i]}", count) for i, count in zip(self._sets, of_sets, strict=True)]
        width = max(len(name) for name, _ in rows)
        head = f"the first {len(ratios)} batches of {self.batch_size} pairs, expected:"
        return "\n".join([head, *(f"{name:<{width}} {count:10.1f} batches" for name, count in rows)])


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
