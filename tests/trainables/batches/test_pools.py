from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.batches.pools import OneLanguage, Pool, TwoLanguages
from trainables.corpora.pairs import PairItem, training_data

LANGUAGES = "abcde"
presence = st.lists(
    st.tuples(st.sets(st.sampled_from(LANGUAGES)), st.sets(st.sampled_from(LANGUAGES))), min_size=1, max_size=8
)


def data_of(patterns):
    return training_data(
        {
            "set": [
                PairItem(
                    str(i),
                    str(i),
                    {lang: f"q{i}{lang}" for lang in queries},
                    {lang: f"p{i}{lang}" for lang in passages},
                )
                for i, (queries, passages) in enumerate([*patterns, (set(LANGUAGES), set(LANGUAGES))])
            ]
        }
    )


@given(presence)
def test_each_ordered_pair_of_two_languages_of_an_item_has_its_own_equal_part_of_the_unit_interval(patterns):
    data = data_of(patterns)
    usage = TwoLanguages(data)
    for item, (queries, passages) in enumerate(patterns):
        pairs = [(q, p) for q in queries for p in passages if q != p]
        items = np.full(max(len(pairs), 1), item, dtype=np.int32)
        assert usage.eligible(items).tolist() == [bool(pairs)] * len(items)
        members = usage.members(items, (np.arange(len(items)) + 0.5) / len(items))
        if not pairs:
            assert members.query_text.tolist() == [-1]
            continue
        drawn = [
            (data.languages[q], data.languages[p])
            for q, p in zip(members.query_language, members.passage_language, strict=True)
        ]
        assert sorted(drawn) == sorted(pairs)
        assert [data.texts[t] for t in members.query_text] == [f"q{item}{q}" for q, _ in drawn]
        assert [data.texts[t] for t in members.passage_text] == [f"p{item}{p}" for _, p in drawn]


@given(presence)
def test_items_of_different_patterns_are_decoded_side_by_side(patterns):
    data = data_of(patterns)
    usage = TwoLanguages(data)
    items = np.arange(len(data), dtype=np.int32)
    uniforms = np.linspace(0, 1, len(items), endpoint=False)
    together = usage.members(items, uniforms)
    for i in items:
        alone = usage.members(items[i : i + 1], uniforms[i : i + 1])
        assert alone.query_text[0] == together.query_text[i]
        if alone.query_text[0] >= 0:
            assert alone.passage_text[0] == together.passage_text[i] >= 0


@given(presence, st.sampled_from(LANGUAGES))
def test_one_language_serves_the_items_that_have_both_texts_in_it(patterns, language):
    data = data_of(patterns)
    items = np.arange(len(patterns), dtype=np.int32)
    usage = OneLanguage(data, LANGUAGES.index(language))
    assert usage.eligible(items).tolist() == [language in q and language in p for q, p in patterns]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.sets(st.integers(0, 8), min_size=1), st.integers(1, 4))
def test_a_draw_outside_groups_is_uniform_over_all_other_items(groups, taken, times):
    group_of_item = np.array(groups, dtype=np.int64)
    by_group = np.argsort(group_of_item, kind="stable").astype(np.int32)
    pool = Pool(by_group, None, group_of_item)
    others = [item for item, group in enumerate(groups) if group not in taken]
    count = max(len(others), 1) * times
    drawn = pool.draw_outside(taken, (np.arange(count) + 0.5) / count)
    assert Counter(drawn.tolist()) == Counter(dict.fromkeys(others, times))
