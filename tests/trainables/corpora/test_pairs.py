"""Items with a text in common are one group, whatever their files say."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora.items import PairItem
from trainables.corpora.normal_form import normal_form
from trainables.corpora.pairs import TrainingData, training_data

EDITS = ("", " ", "?", "\u200b", "\u00ad")


def partition(groups: list[int]) -> set[frozenset[int]]:
    members: dict[int, set[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, set()).add(number)
    return {frozenset(own) for own in members.values()}


def plain_partition(sets: dict[str, list[PairItem]]) -> set[frozenset[int]]:
    """Items that have anything in common, joined until nothing changes."""
    items = [(name, item) for name, own in sets.items() for item in own]
    had = [
        {("group", name, item.group), *(normal_form(t) for t in (*item.query.values(), *item.passage.values()))}
        for name, item in items
    ]
    parts = [({number}, things) for number, things in enumerate(had)]
    while True:
        pair = next(((a, b) for n, a in enumerate(parts) for b in parts[n + 1 :] if a[1] & b[1]), None)
        if pair is None:
            return {frozenset(members) for members, _ in parts}
        parts = [part for part in parts if part not in pair]
        parts.append((pair[0][0] | pair[1][0], pair[0][1] | pair[1][1]))


def any_sets(seed: int) -> dict[str, list[PairItem]]:
    generator = random.Random(seed)
    vocabulary = generator.choice([5, 30, 200])

    def side() -> dict[str, str]:
        languages = generator.sample("abc", generator.randint(1, 3))
        return {lang: f"text {generator.randint(0, vocabulary)}{generator.choice(EDITS)}" for lang in languages}

    return {
        name: [PairItem(str(n), generator.choice("ghijklmn"), side(), side()) for n in range(generator.randint(1, 9))]
        for name in generator.sample("stu", generator.randint(1, 3))
    }


@given(st.integers(0, 10**6))
def test_groups_are_what_is_joined_by_groups_of_a_file_or_by_any_text(seed: int) -> None:
    sets = any_sets(seed)
    data = training_data(sets)
    assert partition(data.group_of_item.tolist()) == plain_partition(sets)
    assert data.groups == len(plain_partition(sets))
    assert data.groups_in_files == len({(name, item.group) for name, items in sets.items() for item in items})


def two(first: PairItem, second: PairItem, apart: bool = False) -> TrainingData:
    return training_data({"s": [first], "t": [second]} if apart else {"s": [first, second]})


@pytest.mark.parametrize("apart", [False, True], ids=["one set", "two sets"])
@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ({"en": "why?"}, {"en": "An answer. "}),
        ({"en": "why?"}, {"de": "an answer"}),
        ({"en": "An answer."}, {"en": "other"}),
        ({"en": "why?", "hi": "AN\u200b ANSWER!"}, {"en": "other"}),
        ({"de": "who is it"}, {"en": "other"}),
    ],
    ids=["trailing blank", "another language", "as a question", "invisible characters", "the same question"],
)
def test_a_text_in_common_in_any_language_and_role_joins(
    query: dict[str, str], passage: dict[str, str], apart: bool
) -> None:
    first = PairItem("1", "1", {"en": "Who is it?"}, {"en": "An answer.", "de": "Eine Antwort."})
    data = two(first, PairItem("2", "2", query, passage), apart)
    assert (data.groups, data.groups_in_files) == (1, 2)
    assert (two(first, PairItem("2", "2", {"en": "why?"}, {"en": "other"}), apart)).groups == 2


def test_texts_of_one_form_have_one_number_and_keep_their_letters() -> None:
    item = PairItem("1", "1", {"en": "Who?", "de": "who"}, {"en": "Wer?"})
    data = training_data({"s": [item]})
    assert data.texts == ("Who?", "who", "Wer?")
    assert data.text_form.tolist() == [0, 0, 1]
    assert data.item(0).query == item.query


def test_the_order_of_items_does_not_change_what_is_one_group() -> None:
    items = any_sets(3)["s"] if "s" in any_sets(3) else next(iter(any_sets(3).values()))
    data, other = training_data({"s": items}), training_data({"s": items[::-1]})
    backwards = [len(items) - 1 - np.array(sorted(part)) for part in partition(other.group_of_item.tolist())]
    assert {frozenset(part.tolist()) for part in backwards} == partition(data.group_of_item.tolist())
