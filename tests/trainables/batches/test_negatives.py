"""The explicit negatives of a batch: whose they are, in which language, and that its kind does not matter."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.trainables.batches.toy_sets import parallel
from tests.trainables.toy_run import toy_data
from trainables.batches.batch import Batch
from trainables.batches.planner import BatchPlanner
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData, training_data

KINDS = ("mono", "cross")


def with_negatives(item: PairItem, languages: str = "abc", ranks: int = 3, of: Sequence[PairItem] = ()) -> PairItem:
    negatives = {
        language: (*(f"{item.id} n{rank}{language}" for rank in range(ranks)), *(o.passage[language] for o in of))
        for language in languages
    }
    return replace(item, negatives=negatives)


def negatives_of(data: TrainingData, batch: Batch) -> list[list[str]]:
    return [[data.texts[text] for text in row if text >= 0] for row in batch.negative_text.tolist()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("per_query", [1, 2, 5])
def test_a_query_brings_negatives_of_its_item_in_the_language_of_its_passage(kind: str, per_query: int) -> None:
    items = [with_negatives(item) for item in parallel(40)]
    data = training_data({"s": items})
    planner = BatchPlanner(data, 8, 0, hard_negatives=per_query)
    for step in range(20):
        batch = planner.batch(step, kind)
        for row, texts in enumerate(negatives_of(data, batch)):
            language = data.languages[batch.passage_language[row]]
            assert len(texts) == len(set(texts)) == min(per_query, 3)
            assert set(texts) <= set(items[batch.items[row]].negatives[language])
        assert batch.negative_text.shape == (8, per_query)


def test_the_kind_of_a_batch_does_not_change_how_many_negatives_it_has_nor_which() -> None:
    items = [with_negatives(item, "abc" if n % 3 else "ab", ranks=1 + n % 4) for n, item in enumerate(parallel(60))]
    data = training_data({"s": items})
    planner = BatchPlanner(data, 8, 0, hard_negatives=2)
    assert planner.negatives.items == 40
    for step in range(30):
        mono, cross = (planner.batch(step, kind) for kind in KINDS)
        assert mono.items.tolist() == cross.items.tolist()
        ranks = [[[text[:-1] for text in row] for row in negatives_of(data, batch)] for batch in (mono, cross)]
        assert ranks[0] == ranks[1]
        mixed = negatives_of(data, planner.mixed_batch(step, 3))
        assert [[text[:-1] for text in row] for row in mixed] == ranks[0]


def test_with_all_items_what_a_language_has_is_used() -> None:
    items = [with_negatives(item, "a") for item in parallel(40)]
    data = training_data({"s": items})
    assert BatchPlanner(data, 8, 0).negatives.items == 0
    planner = BatchPlanner(data, 8, 0, items="all")
    for step in range(20):
        batch = planner.batch(step, "cross")
        has = (batch.negative_text >= 0).ravel()
        assert has.tolist() == (batch.passage_language == data.languages.index("a")).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_what_answers_another_query_of_the_batch_is_not_in_it(kind: str) -> None:
    plain = parallel(24)
    items = [with_negatives(item, ranks=0, of=[plain[n - 1], plain[n - 2]]) for n, item in enumerate(plain)]
    data = training_data({"s": items})
    planner = BatchPlanner(data, 12, 0, hard_negatives=2)
    left_out = 0
    for step in range(40):
        batch = planner.batch(step, kind)
        groups = set(data.group_of_item[batch.items].tolist())
        for item, texts in zip(batch.items.tolist(), negatives_of(data, batch), strict=True):
            language = next((text[-1] for text in texts), "")
            expected = [n % 24 for n in (item - 1, item - 2) if data.group_of_item[n % 24] not in groups]
            assert set(texts) == {plain[n].passage[language] for n in expected}
            left_out += 2 - len(expected)
    assert left_out > 40


def test_a_batch_is_a_function_of_seed_and_step_and_shards_are_parts_of_it() -> None:
    data = toy_data(negatives=True)
    planner, again = BatchPlanner(data, 8, 3), BatchPlanner(data, 8, 3)
    batches = [planner.batch(step, "cross") for step in range(30)]
    for step in (29, 3, 7):
        assert np.array_equal(again.batch(step, "cross").negative_text, batches[step].negative_text)
        shards = [batches[step].shard(rank, 4).negative_text for rank in range(4)]
        assert np.array_equal(np.concatenate(shards), batches[step].negative_text)
    other = BatchPlanner(data, 8, 4).batch(3, "cross")
    assert not np.array_equal(other.negative_text, batches[3].negative_text)


def test_zero_ignores_them_and_changes_no_pair() -> None:
    data = toy_data(negatives=True)
    for kind in KINDS:
        without = BatchPlanner(data, 8, 0, hard_negatives=0).batch(5, kind)
        with_them = BatchPlanner(data, 8, 0, hard_negatives=2).batch(5, kind)
        assert without.negative_text.shape == (8, 0)
        assert np.array_equal(without.query_text, with_them.query_text)
        assert np.array_equal(without.passage_text, with_them.passage_text)
