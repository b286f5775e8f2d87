import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.dev_split import split_dev
from trainables.corpora.pairs import PairItem
from trainables.corpora.sources.registry import load_training
from trainables.errors import UserError

LANGUAGES = ("de", "en", "fr")


def item(number: int, group: str, languages: str = "en", passage: str | None = None) -> PairItem:
    own = languages.split()
    return PairItem(
        f"i{number}",
        group,
        {lang: f"question {number} {lang}" for lang in own},
        {lang: f"{passage or number} {lang}" for lang in own},
    )


def relevant_keys(dev: Benchmark) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Per query (parallel id, language) its relevant (language, text)."""
    keys = {}
    for query in range(len(dev.query_texts)):
        own = dev.relevant[dev.relevant_start[query] : dev.relevant_start[query + 1]].tolist()
        assert len(own) == len(set(own))
        key = dev.parallel_ids[dev.query_parallel[query]], dev.languages[dev.query_language[query]]
        keys[key] = {(dev.languages[dev.candidate_language[c]], dev.candidate_texts[c]) for c in own}
    return keys


@st.composite
def training_sets(draw: st.DrawFn) -> dict[str, list[PairItem]]:
    """Sets whose ids clash between sets and whose passages are shared within and across groups."""
    sets = {}
    for name in draw(st.lists(st.sampled_from(["s", "t", "u"]), min_size=1, unique=True)):
        sets[name] = [
            PairItem(
                str(number),
                draw(st.sampled_from("ghijklmn")),
                dict.fromkeys(draw(st.sets(st.sampled_from(LANGUAGES), min_size=1)), f"q{number}"),
                {
                    lang: f"p{draw(st.integers(0, 60))}"
                    for lang in draw(st.sets(st.sampled_from(LANGUAGES), min_size=1))
                },
            )
            for number in range(draw(st.integers(1, 12)))
        ]
    return sets


@given(sets=training_sets(), share=st.floats(0.05, 0.6), max_items=st.integers(1, 20), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_no_group_and_no_passage_is_on_both_sides_and_the_limits_hold(
    sets: dict[str, list[PairItem]], share: float, max_items: int, seed: int
) -> None:
    try:
        remaining, dev = split_dev(sets, share, max_items, seed)
    except UserError:
        assume(False)
    held = {
        (name, i.id): i
        for name, items in sets.items()
        for i in items
        if i.id not in {kept.id for kept in remaining[name]}
    }
    assert held
    assert len(held) <= max_items
    assert all(list(items) == [i for i in sets[name] if (name, i.id) not in held] for name, items in remaining.items())
    for name, items in sets.items():
        count = sum(set_name == name for set_name, _ in held)
        assert count <= max(1, share * len(items))
        assert count < len(items)
        assert not {i.group for i in remaining[name]} & {
            i.group for (set_name, _), i in held.items() if set_name == name
        }
    kept_passages = {p for items in remaining.values() for i in items for p in i.passage.items()}
    assert not kept_passages & {p for i in held.values() for p in i.passage.items()}

    clashes = Counter(identifier for _, identifier in held)
    expected = {
        (f"{name}/{identifier}" if clashes[identifier] > 1 else identifier, language): set(i.passage.items())
        for (name, identifier), i in held.items()
        for language in i.query
    }
    assert relevant_keys(dev) == expected
    candidates = [(dev.languages[n], text) for n, text in zip(dev.candidate_language, dev.candidate_texts, strict=True)]
    assert sorted(candidates) == sorted({p for i in held.values() for p in i.passage.items()})
    assert len(set(dev.candidate_ids)) == len(dev.candidate_ids)
    assert dev.name == "dev"


def many_items() -> list[PairItem]:
    return [item(number, f"g{number // 2}", "de en" if number % 3 else "en fr") for number in range(100)]


def test_the_order_of_the_file_does_not_matter_but_the_seed_does() -> None:
    items = many_items()
    shuffled = random.Random(1).sample(items, len(items))
    dev = split_dev({"s": items, "t": items[:50]})[1]
    assert split_dev({"t": shuffled_half(items), "s": shuffled})[1].fingerprint == dev.fingerprint
    assert split_dev({"s": items, "t": items[:50]}, seed=1)[1].fingerprint != dev.fingerprint


def shuffled_half(items: list[PairItem]) -> list[PairItem]:
    return random.Random(2).sample(items[:50], 50)


def test_a_passage_shared_by_a_group_is_one_candidate_relevant_to_each_of_its_questions() -> None:
    items = [item(number, f"g{number // 4}", "de en", passage=f"article {number // 4}") for number in range(80)]
    dev = split_dev({"s": items}, share=0.1)[1]
    assert len(dev.parallel_ids) == 8
    assert len(dev.candidate_texts) == 4  # two articles in two languages
    assert all(len(passages) == 2 for passages in relevant_keys(dev).values())


def test_languages_are_covered_evenly_although_one_set_is_much_larger() -> None:
    large = [item(number, f"g{number}", "de") for number in range(2000)]
    small = [item(number, f"h{number}", "de en fr") for number in range(100)]
    dev = split_dev({"large": large, "small": small}, max_items=40)[1]
    counts = Counter(dev.languages[n] for n in dev.query_language)
    # The small set gives all that it may, a tenth; the large one, with German only, fills up.
    assert counts == {"de": 40, "en": 10, "fr": 10}


def test_a_language_whose_only_group_is_most_of_its_set_stays_in_training() -> None:
    sets = {
        "faq": [item(number, "faq", "en fr") for number in range(500, 546)] + [item(546, "more", "en")],
        "s": many_items(),
    }
    remaining, dev = split_dev(sets)
    assert len(remaining["faq"]) == 46
    assert "fr" in {lang for i in remaining["faq"] for lang in i.query}
    assert dev.parallel_ids


@pytest.mark.parametrize(
    ("sets", "options"),
    [
        ({"s": [item(n, "one group") for n in range(50)]}, {}),
        ({"s": [item(n, f"g{n}", passage="one passage") for n in range(50)]}, {}),
        ({"s": [item(n, f"g{n // 10}") for n in range(50)]}, {}),
        ({"s": [item(n, f"g{n // 5}") for n in range(50)]}, {"max_items": 4}),
        ({"s": [item(1, "g")]}, {}),
        ({}, {}),
        ({"s": many_items()}, {"share": 1.0}),
        ({"s": many_items()}, {"share": 0.0}),
        ({"s": many_items()}, {"max_items": 0}),
    ],
)
def test_an_impossible_dev_set_is_told(sets: dict[str, list[PairItem]], options: dict[str, float]) -> None:
    with pytest.raises(UserError):
        split_dev(sets, **options)  # type: ignore[arg-type]


def test_real_training_sets_give_a_dev_set_in_all_languages_of_xquad_r(shared_data: Path) -> None:
    sets = load_training(["train_parallel"], shared_data)
    remaining, dev = split_dev(sets)
    counts = Counter(dev.languages[n] for n in dev.query_language)
    assert len(dev.parallel_ids) == 200
    assert min(counts[lang] for lang in ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]) >= 100
    assert len(remaining["bitcoin_org_faq"]) == 61
    for name, items in sets.items():
        kept = {i.group for i in remaining[name]}
        held = {i.id for i in items} - {i.id for i in remaining[name]}
        assert not kept & {i.group for i in items if i.id in held}
