"""Which explicit negatives the queries of a batch bring along."""

import numpy as np
import numpy.typing as npt

from trainables.batches.batch import Indices, Pairs
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.negatives import group_of_form
from trainables.corpora.pairs import TrainingData, forms_of_items


class HardNegatives:
    """Draws explicit negatives by seed and step.

    A query has negatives in the language of its passage only: in another one, the language alone would tell them from
    the passage. Where batches of both kinds hold the same items, an item has as many as it has in each language of its
    passage (none if it lacks them in one), so that a batch holds the same number of negatives whatever its kind.

    Negatives are seen by all queries of their batch. One that stands in the group of another query of the batch is left
    out of it: it may be that query's answer.
    """

    def __init__(self, data: TrainingData, per_query: int, *, same_in_all_languages: bool) -> None:
        """Finds out what the items have.

        Args:
            data: the training data; its texts are not looked at.
            per_query: h, the most negatives of a query.
            same_in_all_languages: whether what an item lacks in one language it has in none.
        """
        negatives = data.negatives
        self._data, self._width = data, len(data.languages)
        self.per_query = per_query if len(negatives) else 0
        """h, or 0 where the data have none."""
        self._keys = negatives.item.astype(np.int64) * self._width + negatives.language
        self._counts = np.diff(negatives.start)
        if same_in_all_languages and self.per_query:
            self._counts = self._fewest_per_item()
        self.items = len(np.unique(negatives.item[self._counts > 0])) if self.per_query else 0
        """Items whose negatives are used."""
        if self.per_query:
            forms = forms_of_items(np.concatenate([data.query_text, data.passage_text], axis=1), data.text_form)
            self._group_of_form = group_of_form(data.group_of_item, *forms, int(data.text_form.max()) + 1)

    def of(self, pairs: Pairs, stream: Stream, step: int) -> Indices:
        """The negatives of the pairs of a batch [B]: int32 [B, h], -1 where there is none."""
        if not self.per_query:
            return np.full((len(pairs), 0), -1, dtype=np.int32)
        keys = pairs.items.astype(np.int64) * self._width + pairs.passage_language
        row = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        count = np.where(self._keys[row] == keys, self._counts[row], 0)
        first = (stream.at(Purpose.NEGATIVES, step).random(len(pairs)) * count).astype(np.int64)
        # Successive ranks from a random one on: different ones, as long as there are enough.
        rank = np.arange(self.per_query)
        place = self._data.negatives.start[row][:, None] + (first[:, None] + rank) % np.maximum(count, 1)[:, None]
        # Items without any have nothing to look up.
        text = self._data.negatives.text[np.minimum(place, len(self._data.negatives) - 1)]
        groups = self._group_of_form[self._data.text_form[text]]
        is_there = (rank < count[:, None]) & ~np.isin(groups, self._data.group_of_item[pairs.items])
        return np.where(is_there, text, -1).astype(np.int32)

    def _fewest_per_item(self) -> npt.NDArray[np.int64]:
        """[R], the negatives that the item of a row has in each language of its passage."""
        negatives, data = self._data.negatives, self._data
        has_passage = data.passage_text[negatives.item, negatives.language] >= 0
        items, of_row = np.unique(negatives.item, return_inverse=True)
        fewest = np.full(len(items), np.iinfo(np.int64).max)
        np.minimum.at(fewest, of_row[has_passage], self._counts[has_passage])
        rows = np.bincount(of_row[has_passage], minlength=len(items))
        fewest[rows < (data.passage_text[items] >= 0).sum(axis=1)] = 0
        return fewest[of_row]
