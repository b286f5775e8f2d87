"""What the batches of a training held: counted once more, by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.trainables.batches.toy_sets import mixed_sets, parallel
from trainables.batches.config import BatchConfig
from trainables.batches.drawn import drawn_batch, kinds_of
from trainables.batches.facts import batch_facts
from trainables.batches.planner import BatchPlanner
from trainables.corpora.items import PairItem
from trainables.corpora.normal_form import normal_form
from trainables.corpora.pairs import training_data
from trainables.errors import UserError


def batches_of(data, config, seed, ratios):
    planner, kinds = BatchPlanner.of(data, config, seed), kinds_of(config, seed)
    return [drawn_batch(planner, config, step, kinds.mono(step, ratio)) for step, ratio in enumerate(ratios)]


def false_negatives(data, batch):
    """Queries with a text among their negatives that answers them."""
    forms = [normal_form(text) for text in data.texts]
    asked = [{forms[t] for t in row if t >= 0} for row in data.query_text.tolist()]
    answers = [{forms[t] for t in row if t >= 0} for row in data.passage_text.tolist()]
    # Items that ask the same, directly or over others.
    same = [{n} for n in range(len(data))]
    for n in range(len(data)):
        for m in range(n):
            if asked[n] & asked[m] and same[n] is not same[m]:
                union = same[n] | same[m]
                for one in union:
                    same[one] = union
    count = 0
    for place, item in enumerate(batch.items.tolist()):
        right = set().union(*(answers[other] for other in same[item]))
        others = [forms[text] for spot, text in enumerate(batch.passage_text.tolist()) if spot != place]
        count += any(text in right for text in others)
    return count


def any_items(seed):
    generator = np.random.default_rng(seed)
    questions, passages = generator.choice([4, 15, 1000], 2)

    def side(name, number):
        languages = [lang for lang in "abc" if generator.random() < 0.8] or ["a"]
        return {lang: f"{name}{number} {lang}{generator.choice(['', '?', ' '])}" for lang in languages}

    return [
        PairItem(str(n), str(n), side("q", generator.integers(questions)), side("p", generator.integers(passages)))
        for n in range(40)
    ]


@pytest.mark.slow
@given(st.integers(0, 10**6), st.sampled_from(["common", "all"]), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_facts_are_what_the_batches_say(seed, items, mixing, joined):
    data = training_data({"s": any_items(seed), "t": parallel(30, "abd", "t")})
    if not joined:
        # As if texts in common joined nothing: then there are false negatives.
        data = replace(data, group_of_item=np.arange(len(data)))
    ratios = np.linspace(0.9, 0.2, 11).tolist()
    config = BatchConfig(size=6, items=items, mixing="loss" if mixing and items == "common" else "alternate")
    try:
        facts = batch_facts(data, config, seed, ratios)
    except UserError:
        assume(False)
    batches = batches_of(data, config, seed, ratios)
    assert facts.pairs == 66
    assert facts.items == len({item for batch in batches for item in batch.items.tolist()})
    assert Counter(facts.sets) == sum((Counter({data.set_names[b.set_index]: 6}) for b in batches), Counter())
    languages = Counter(
        (data.languages[query], data.languages[passage])
        for batch in batches
        for query, passage in zip(batch.query_language, batch.passage_language, strict=True)
    )
    found = {(query, passage): n for query, row in facts.languages.items() for passage, n in row.items()}
    assert found == languages
    assert facts.false_negatives == sum(false_negatives(data, batch) for batch in batches)
    if joined:
        assert facts.false_negatives == 0


def test_without_groups_what_shares_a_passage_would_be_a_false_negative_in_cross_batches():
    """60 parallel passages with 5 questions each, as files have them that name no groups."""
    items = [
        PairItem(
            f"q{i}",
            f"q{i}",
            {lang: f"question {i} in {lang}" for lang in ("en", "de", "hi")},
            {lang: f"passage {i // 5} in {lang}" for lang in ("en", "de", "hi")},
        )
        for i in range(300)
    ]
    data = training_data({"s": items})
    assert (data.groups, data.groups_in_files) == (60, 300)
    apart = replace(data, group_of_item=np.arange(300))
    for ratio in (0.0, 0.5, 1.0):
        assert batch_facts(data, BatchConfig(size=32), 0, [ratio] * 200).false_negatives == 0
        found = batch_facts(apart, BatchConfig(size=32), 0, [ratio] * 200).false_negatives
        assert found / 6400 > 0.2


def test_false_negatives_are_those_in_the_pool_that_a_query_has():
    """Every question has the same answer as all others: whoever meets anybody meets one."""
    items = [PairItem(f"q{i}", f"q{i}", {"en": f"question {i}"}, {"en": "the passage"}) for i in range(64)]
    data = replace(training_data({"s": items}), group_of_item=np.arange(64))

    def found(pool):
        return batch_facts(data, BatchConfig(size=8, items="all"), 0, [1.0] * 5, negative_pool=pool).false_negatives

    assert (found(None), found(8), found(2), found(1)) == (40, 40, 40, 0)


@pytest.mark.parametrize("edit", ["", " ", "\u200b", ".", "\u00ad"])
def test_a_passage_that_only_looks_different_is_no_negative_of_its_question(edit):
    """Two questions about a passage, of which the second has a copy that ends in a blank, or holds what nobody sees."""
    items = [
        PairItem(
            f"{number}{name}",
            f"{number}{name}",
            {lang: f"question {number}{name} {lang}" for lang in ("en", "de")},
            {lang: f"passage {number} {lang}{edit * (name == 'b')}" for lang in ("en", "de")},
        )
        for number in range(60)
        for name in "ab"
    ]
    data = training_data({"s": items})
    assert data.groups == 60
    assert batch_facts(data, BatchConfig(size=48), 0, [1.0, 0.0] * 30).false_negatives == 0


def streams_agree(one, other):
    shared = one.item_streams.keys() & other.item_streams.keys()
    assert shared
    return all(one.item_streams[n] == other.item_streams[n] for n in shared)


def test_streams_are_equal_exactly_where_arms_saw_the_same_items_in_the_same_order():
    data = mixed_sets()

    def facts(ratios, seed=0, data=data, **options):
        return batch_facts(data, BatchConfig(**{"size": 8, **options}), seed, ratios)

    one = facts([0.5] * 50)
    assert list(one.item_streams) == [1, 2, 4, 8, 16, 32, 50]
    # Neither the ratio, nor loss mixing, nor how kinds are drawn, nor the length.
    for ratios in ([0.0] * 50, [1.0] * 50, np.linspace(1, 0, 50).tolist(), [0.5] * 21):
        for options in ({}, {"mixing": "loss"}, {"draw": "bernoulli"}):
            assert streams_agree(one, facts(ratios, **options))
    assert not streams_agree(one, facts([0.5] * 50, seed=1))
    assert not streams_agree(one, facts([0.5] * 50, size=10))
    assert not streams_agree(one, facts([0.5] * 50, set_share="pairs"))
    assert not streams_agree(one, facts([0.5] * 50, data=training_data({"A": parallel(100, name="A")})))
    # Where all items are used, the ratio decides which ones: B serves monolingual batches only.
    assert not streams_agree(facts([1.0] * 50, items="all"), facts([0.0] * 50, items="all"))


def test_a_training_that_ended_early_is_counted_as_the_beginning_of_a_whole_one():
    """Of a language temperature that changes, which the number of steps is part of."""
    config = BatchConfig(size=8, language_temperature=20, last_language_temperature=0.5)
    data = training_data({"set": [*parallel(100, "abc"), *parallel(300, "bc", name="more")]})
    whole = batch_facts(data, config, 0, [0.5] * 200)
    assert batch_facts(data, config, 0, [0.5] * 64, steps=200).item_streams[64] == whole.item_streams[64]
    assert batch_facts(data, config, 0, [0.5] * 64).item_streams[64] != whole.item_streams[64]


def test_no_facts_depend_on_texts_and_ids():
    data = mixed_sets()
    config = BatchConfig(size=8)
    assert batch_facts(replace(data, texts=(), item_ids=()), config, 0, [0.5] * 9) == batch_facts(
        data, config, 0, [0.5] * 9
    )
