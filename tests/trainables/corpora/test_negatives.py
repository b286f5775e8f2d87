"""What is no negative is left out, whoever calls it one."""

from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora.items import PairItem
from trainables.corpora.normal_form import normal_form
from trainables.corpora.pairs import training_data

TEXTS = [f"text {number}{edit}" for number in range(6) for edit in ("", "!", "\u200b")]
side = st.dictionaries(st.sampled_from("ab"), st.sampled_from(TEXTS), min_size=1)
lists = st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple)
items = st.lists(
    st.tuples(st.sampled_from("gh"), side, side, st.dictionaries(st.sampled_from("ab"), lists)), min_size=1
)


@given(items)
def test_no_negative_stands_in_the_group_of_its_item_and_every_other_one_is_kept_or_counted(own: list) -> None:
    given_items = [PairItem(str(n), group, q, p, negatives) for n, (group, q, p, negatives) in enumerate(own)]
    data = training_data({"s": given_items})
    without = training_data({"s": [PairItem(i.id, i.group, i.query, i.passage) for i in given_items]})
    assert data.group_of_item.tolist() == without.group_of_item.tolist()
    of_group: dict[int, set[str]] = {}
    for group, item in zip(data.group_of_item.tolist(), given_items, strict=True):
        of_group.setdefault(group, set()).update(
            normal_form(text) for text in (*item.query.values(), *item.passage.values())
        )
    for number, group in enumerate(data.group_of_item.tolist()):
        found = data.item(number).negatives
        for language, texts in given_items[number].negatives.items():
            kept = found.get(language, ())
            assert not any(normal_form(text) in of_group[group] for text in kept)
            may_stay = [text for text in texts if normal_form(text) not in of_group[group]]
            lengths = {len(one) for one in given_items[number].negatives.values()}
            if len(given_items[number].negatives) == 1 or (len(lengths) > 1 and 0 not in lengths):
                assert list(kept) == may_stay
    total = sum(len(texts) for item in given_items for texts in item.negatives.values())
    assert len(data.negatives) + data.negatives.dropped == total


def test_ranks_stay_translations_of_each_other() -> None:
    negatives = {"de": ("eins", "Antwort", "drei"), "en": ("one", "two", "three")}
    item = PairItem("1", "1", {"de": "Frage"}, {"de": "Antwort.", "en": "answer"}, negatives)
    data = training_data({"s": [item]})
    assert data.item(0).negatives == {"de": ("eins", "drei"), "en": ("one", "three")}
    assert (data.negatives.dropped, data.negatives.items) == (2, 1)


def test_data_without_negatives_have_the_fingerprint_that_they_had() -> None:
    item = PairItem("1", "g", {"en": "What is it?"}, {"en": "A thing.", "de": "Ein Ding."})
    bare, with_one = (
        training_data({"s": [item]}),
        training_data({"s": [PairItem("1", "g", item.query, item.passage, {"en": ("x",)})]}),
    )
    assert bare.fingerprint == "9382bfb8f5b7b67ec6e76d445e72e046cf06afac1e62855c8084b2a68144da0c"
    assert with_one.fingerprint != bare.fingerprint
