import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.batches.languages import CrossLingual, Monolingual
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import training_data

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
    rule = CrossLingual(data)
    for item, (queries, passages) in enumerate(patterns):
        expected = [(q, p) for q in queries for p in passages if q != p]
        items = np.full(max(len(expected), 1), item, dtype=np.int32)
        assert rule.eligible(items).tolist() == [bool(expected)] * len(items)
        pairs = rule.pairs(items, (np.arange(len(items)) + 0.5) / len(items))
        if not expected:
            assert pairs.query_text.tolist() == [-1]
            continue
        drawn = [
            (data.languages[q], data.languages[p])
            for q, p in zip(pairs.query_language, pairs.passage_language, strict=True)
        ]
        assert sorted(drawn) == sorted(expected)
        assert [data.texts[t] for t in pairs.query_text] == [f"q{item}{q}" for q, _ in drawn]
        assert [data.texts[t] for t in pairs.passage_text] == [f"p{item}{p}" for _, p in drawn]


@given(presence)
def test_items_of_different_patterns_are_decoded_side_by_side(patterns):
    data = data_of(patterns)
    rule = CrossLingual(data)
    items = np.arange(len(data), dtype=np.int32)
    uniforms = np.linspace(0, 1, len(items), endpoint=False)
    together = rule.pairs(items, uniforms)
    for i in items:
        alone = rule.pairs(items[i : i + 1], uniforms[i : i + 1])
        assert alone.query_text[0] == together.query_text[i]
        if alone.query_text[0] >= 0:
            assert alone.passage_text[0] == together.passage_text[i] >= 0


@given(presence, st.sampled_from(LANGUAGES))
def test_one_language_serves_the_items_that_have_both_texts_in_it(patterns, language):
    data = data_of(patterns)
    items = np.arange(len(patterns), dtype=np.int32)
    rule = Monolingual(data, LANGUAGES.index(language))
    assert rule.eligible(items).tolist() == [language in q and language in p for q, p in patterns]
