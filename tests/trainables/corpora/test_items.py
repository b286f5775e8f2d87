"""Items in columns are the items that were given; parts of one id are joined by the rules of training files."""

import random

import numpy as np
import pytest

from tests.trainables.corpora.test_pairs import any_sets
from trainables.corpora.dev_split import split_dev
from trainables.corpora.items import Items, ItemWriter, PairItem
from trainables.corpora.pairs import training_data
from trainables.corpora.training_files.layout import Example, items_of
from trainables.errors import UserError

SEEDS = range(200)


def with_negatives(seed: int) -> dict[str, list[PairItem]]:
    generator = random.Random(seed)

    def negatives() -> dict[str, tuple[str, ...]]:
        languages = generator.sample("abd", generator.randint(0, 3))
        return {one: tuple(f"text {generator.randint(0, 30)}" for _ in range(2)) for one in languages}

    return {
        name: [PairItem(i.id, i.group, i.query, i.passage, negatives()) for i in items]
        for name, items in any_sets(seed).items()
    }


@pytest.mark.parametrize("seed", range(30))
def test_columns_are_read_as_a_list_is(seed: int) -> None:
    for plain in with_negatives(seed).values():
        items = Items.of(plain)
        assert items == plain
        assert Items.of(items) is items
        assert [items[n] for n in range(-len(plain), len(plain))] == [*plain, *plain]
        assert items[1:-1] == plain[1:-1]
        assert items[::-1] == plain[::-1]
        wanted = np.array([n % 3 > 0 for n in range(len(plain))])
        assert items.take(wanted) == [one for n, one in enumerate(plain) if n % 3 > 0]
        assert items.take(wanted).take(np.arange(len(plain) > 1)) == plain[1:2]
        assert items != [*plain, plain[0]]


@pytest.mark.parametrize("seed", range(30))
def test_training_data_do_not_tell_where_their_items_came_from(seed: int) -> None:
    """Neither what else lies in the columns, nor in what order texts lie there, is seen."""
    sets = with_negatives(seed)
    generator = random.Random(seed)
    views = {}
    for name, plain in sets.items():
        more = [PairItem("x", "y", {"zz": "text 3"}, {"a": "text 9?"}, {"c": ("text 1",)}), *plain]
        order = generator.sample(range(len(more)), len(more))
        views[name] = Items.of([more[n] for n in order]).take(np.argsort(order)[1:])
    data, other = training_data(sets), training_data(views)
    assert other.fingerprint == data.fingerprint
    assert other.text_form.tolist() == data.text_form.tolist()
    assert list(other.texts) == list(data.texts)


def test_batches_and_dev_sets_of_earlier_versions_come_again() -> None:
    """Fingerprints as they were when all of this was made of dictionaries."""

    def negatives(n: int) -> dict[str, tuple[str, ...]]:
        return {"en": (f"no {n}", f"never {n % 7}", "an answer"), "de": (f"nein {n}", "nie", f"Antwort {n}")}

    mine = [
        PairItem(
            f"i{n}",
            f"g{n // 2}",
            {"en": f"question {n}", "de": f"Frage {n % 9}"},
            {"de": f"Antwort {n}", "en": "an answer" if n % 5 == 0 else f"answer {n}"},
            negatives(n) if n % 3 else {},
        )
        for n in range(40)
    ]
    other = [
        PairItem(
            f"i{n}",
            f"h{n}",
            {"fr": f"demande {n}", "en": f"question {n + 30}"},
            {"fr": f"réponse {n}", "en": f"x{n}"},
        )
        for n in range(30)
    ]
    sets = {"mine": mine, "other": other}
    data = training_data(sets)
    assert data.fingerprint == "055ac89ed62f1c5f888d5c1ec5b6f8ff787bae3b3bf6f9b42f0f26c844fd15d0"
    assert (data.groups, data.negatives.dropped, len(data.negatives)) == (21, 52, 104)
    kept, dev = split_dev(sets, share=0.2)
    assert dev.fingerprint == "e68c00be3dae80dcfced67c08904eae0f235a37f72779ea5982930a06ffa4e78"
    assert training_data(kept).fingerprint == "745e9994d5c1e3afa93125a508bc5edc659e70b20fcfdcebcc64818be8ab69db"


def any_examples(generator: random.Random) -> list[Example]:
    differing, group = generator.choice([0, 0, 0, 3]), generator.choice([None, "g", "h"])

    def side() -> dict[str, str]:
        languages = generator.sample("ab", generator.randint(generator.randint(0, 2), 2))
        return {one: f"{one}{generator.randint(0, differing)}" for one in languages}

    return [
        Example(
            f"f:{n}",
            str(generator.randint(0, 4)),
            side(),
            side(),
            {one: tuple(generator.choices("xyz", k=2)) for one in generator.sample("ab", generator.randint(0, 2))},
            generator.choice([None, "g"]) if group == "h" else group,
        )
        for n in range(generator.randint(1, 9))
    ]


def plainly(examples: list[Example], unique: bool, translated: bool) -> list[PairItem] | str:
    """The items, or the place that an error names."""
    groups: dict[str, str] = {}
    places: dict[str, str] = {}
    items: dict[str, PairItem] = {}
    for one in examples:
        own = one.id if one.group is None else one.group
        if one.id in items and unique:
            return one.where
        if groups.setdefault(one.id, own) != own and not translated:
            return one.where
        places.setdefault(one.id, one.where)
        item = items.setdefault(one.id, PairItem(one.id, own, {}, {}, {}))
        for known, found in ((item.query, one.query), (item.passage, one.passage)):
            for language, text in found.items():
                assert isinstance(known, dict)
                if known.setdefault(language, text) != text:
                    return one.where
        assert isinstance(item.negatives, dict)
        for language, texts in one.negatives.items():
            item.negatives[language] = tuple(dict.fromkeys((*item.negatives.get(language, ()), *texts)))
    lacking = next((number for number, item in items.items() if not item.query or not item.passage), None)
    return list(items.values()) if lacking is None else places[lacking]


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("translated", [False, True])
def test_parts_are_joined_and_mistakes_found_as_one_by_one(unique: bool, translated: bool) -> None:
    joined = 0
    for seed in SEEDS:
        examples = any_examples(random.Random(seed))
        expected = plainly(examples, unique, translated)
        if isinstance(expected, list):
            found = items_of(examples.copy, unique=unique, groups_are_translated=translated)
            assert found == expected
            joined += len(expected) < len(examples)
        else:
            with pytest.raises(UserError, match=f"^{expected}: "):
                items_of(examples.copy, unique=unique, groups_are_translated=translated)
    assert unique or joined > 20, "most examples are of items with a mistake"


def test_nothing_is_no_items() -> None:
    assert Items.of([]) == []
    assert ItemWriter().joined(unique=True, groups_are_translated=False) == ([], None)
    assert training_data({"s": []}).languages == ()
