"""What the batches of a training held, told from its options, its seed and its ratios by planning them once more.

No model is needed, so that the facts survive every interruption, and whoever doubts them can plan the batches, too.

>>> from trainables.corpora.items import PairItem
>>> from trainables.corpora.pairs import training_data
>>> def item(n):
...     query, passage = {"de": f"Frage {n}", "en": f"question {n}"}, {"de": f"Satz {n}", "en": f"line {n}"}
...     return PairItem(str(n), str(n), query, passage)
>>> data = training_data({"toy": [item(n) for n in range(9)]})
>>> facts = batch_facts(data, BatchConfig(size=3), seed=0, ratios=[1, 0, 0])
>>> facts.items, facts.sets, facts.languages["de"]["en"] + facts.languages["en"]["de"], facts.false_negatives
(9, {'toy': 9}, 6, 0)
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Batch
from trainables.batches.config import BatchConfig
from trainables.batches.drawn import drawn_batch, kinds_of
from trainables.batches.planner import BatchPlanner
from trainables.corpora.groups import joined
from trainables.corpora.pairs import TrainingData, forms_of_items
from trainables.records import BatchRecord


def batch_facts(
    data: TrainingData,
    batches: BatchConfig,
    seed: int,
    ratios: Sequence[float],
    steps: int | None = None,
    negative_pool: int | None = None,
) -> BatchRecord:
    """Plans the batches of a training and counts what they held.

    Args:
        data: what was trained on; its texts and ids are not looked at.
        batches: options of the batches.
        seed: of the training.
        ratios: [T], of every step done.
        steps: that the training was to have; None: T.
        negative_pool: pairs of a block in which a query finds its negatives; None: the whole batch.
    """
    planner, kinds = BatchPlanner.of(data, batches, seed, steps or len(ratios)), kinds_of(batches, seed)
    texts = _Answers(data)
    width = len(data.languages)
    seen = np.zeros(len(data), dtype=bool)
    sets = np.zeros(len(data.set_names), dtype=np.int64)
    languages = np.zeros(width * width, dtype=np.int64)
    false_negatives = hard_negatives = 0
    digest, streams = hashlib.sha256(data.fingerprint.encode()), {}
    for step, ratio in enumerate(ratios):
        batch = drawn_batch(planner, batches, step, kinds.mono(step, ratio))
        seen[batch.items] = True
        sets[batch.set_index] += len(batch)
        places = batch.query_language.astype(np.int64) * width + batch.passage_language
        languages += np.bincount(places, minlength=width * width)
        false_negatives += sum(texts.false_negatives(batch, one) for one in _blocks(len(batch), negative_pool))
        hard_negatives += int((batch.negative_text >= 0).sum())
        digest.update(batch.items.astype("<i8").tobytes())
        done = step + 1
        if done & step == 0 or done == len(ratios):
            streams[done] = digest.hexdigest()
    table = languages.reshape(width, width)
    return BatchRecord(
        pairs=int(sets.sum()),
        items=int(seen.sum()),
        items_in_use=planner.items_in_use,
        sets={name: count for name, count in zip(data.set_names, sets.tolist(), strict=True) if count},
        languages={
            data.languages[query]: {data.languages[p]: int(table[query, p]) for p in np.flatnonzero(table[query])}
            for query in np.flatnonzero(table.any(axis=1))
        },
        hard_negatives=hard_negatives,
        false_negatives=false_negatives,
        item_streams=streams,
    )


def _blocks(pairs: int, size: int | None) -> list[slice]:
    """The blocks of a batch."""
    width = size or pairs
    return [slice(start, start + width) for start in range(0, pairs, width)]


class _Answers:
    """Which texts answer an item's question: its own passages, and those of all items that ask the same."""

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        forms = int(data.text_form.max(initial=-1)) + 1
        uses = np.zeros(forms, dtype=np.int64)
        for column in data.query_text.T:
            uses += np.bincount(data.text_form[column[column >= 0]], minlength=forms)
        # Only questions that are asked more than once have answers of other items.
        again = np.zeros(len(data), dtype=bool)
        for column in data.query_text.T:
            again |= (column >= 0) & (uses[data.text_form[column]] > 1)
        items = np.flatnonzero(again)
        self._forms = forms
        self._question = np.full(len(data), -1, dtype=np.int64)
        self._question[items] = joined(len(items), forms_of_items(data.query_text[items], data.text_form))
        owners, answers = forms_of_items(data.passage_text[items], data.text_form)
        self._known = np.unique(self._question[items[owners]] * forms + answers)

    def false_negatives(self, batch: Batch, block: slice) -> int:
        """How many queries of a block have a text that answers them, in normal form, among their negatives in it."""
        data, items = self._data, batch.items[block]
        passages = data.passage_text[items]
        own = np.where(passages >= 0, data.text_form[passages], -1)
        shown = data.text_form[batch.passage_text[block]]
        texts, counts = np.unique(shown, return_counts=True)
        place = np.minimum(np.searchsorted(texts, own), len(texts) - 1)
        # A query meets its own passage once, as its positive.
        met = np.where(texts[place] == own, counts[place], 0) - (own == shown[:, None])
        found = (met > 0).any(axis=1)
        for row in np.flatnonzero(self._question[items] >= 0).tolist():
            keys = self._question[items[row]] * self._forms + np.delete(shown, row)
            found[row] |= bool(_is_in(keys, self._known).any())
        return int(found.sum())


def _is_in(values: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[place] == values
    return found
