import random
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.dev_split import split_dev
from trainables.corpora.items import PairItem
from trainables.corpora.training_sets import load_training
from trainables.errors import UserError
from trainables.evaluation.evaluate import evaluate

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


def any_sets(seed: int) -> dict[str, list[PairItem]]:
    """Sets whose ids clash between sets; passages and questions are shared within and across groups and sets."""
    generator = random.Random(seed)

    def languages() -> list[str]:
        return generator.sample(LANGUAGES, generator.randint(1, 3))

    questions, passages = generator.choice([3, 40, 10**6]), generator.choice([20, 200])
    return {
        name: [
            PairItem(
                str(number),
                generator.choice("ghijklmn"),
                # A question and its variant, which is the same text in normal form.
                {lang: f"q{number % questions} {lang}{generator.choice(['', '?', ' '])}" for lang in languages()},
                {lang: f"p{generator.randint(0, passages)}{generator.choice(['', '.'])}" for lang in languages()},
            )
            for number in range(generator.randint(1, 12))
        ]
        for name in generator.sample("stu", generator.randint(1, 3))
    }


def plain(text: str) -> str:
    return text.strip(" ?.")


def questions_of(items: Collection[PairItem]) -> list[set[PairItem]]:
    """The items that ask one question: those with a question text in common, and those joined to one of them."""
    found: list[tuple[set[int], set[str]]] = []
    by_number = {id(item): item for item in items}
    for item in items:
        members, texts = {id(item)}, {plain(text) for text in item.query.values()}
        for other in [one for one in found if one[1] & texts]:
            found.remove(other)
            members, texts = members | other[0], texts | other[1]
        found.append((members, texts))
    return [[by_number[number] for number in members] for members, _ in found]  # type: ignore[misc]


@given(seed=st.integers(0, 10**6), share=st.floats(0.05, 0.6), max_items=st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_no_group_and_no_text_is_on_both_sides_and_the_limits_hold(seed: int, share: float, max_items: int) -> None:
    sets = any_sets(seed)
    try:
        remaining, dev = split_dev(sets, share, max_items, seed)
    except UserError:
        assume(False)
    kept_ids = {(name, i.id) for name, items in remaining.items() for i in items}
    held = {(name, i.id): i for name, items in sets.items() for i in items if (name, i.id) not in kept_ids}
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
    sides = [[i for items in remaining.values() for i in items], list(held.values())]
    kept_texts, held_texts = (
        {plain(t) for i in side for t in (*i.query.values(), *i.passage.values())} for side in sides
    )
    assert not kept_texts & held_texts

    # Every question once per language, with the passages of all items that ask it, in all languages.
    texts = {(dev.languages[lang], plain(dev.candidate_texts[n])) for n, lang in enumerate(dev.candidate_language)}
    assert texts == {(lang, plain(text)) for i in held.values() for lang, text in i.passage.items()}
    assert len(texts) == len(dev.candidate_texts) == len(set(dev.candidate_ids))
    expected = []
    for asking in questions_of(list(held.values())):
        answers = {plain(text) for i in asking for text in i.passage.values()}
        relevant = {(lang, text) for lang, text in texts if text in answers}
        expected += [(lang, relevant) for lang in {lang for i in asking for lang in i.query}]
    found = [
        (language, {(lang, plain(text)) for lang, text in relevant})
        for (_, language), relevant in relevant_keys(dev).items()
    ]
    assert len(dev.query_texts) == len(found) == len(expected)
    assert all(one in expected for one in found)
    assert all(one in found for one in expected)
    assert dev.name == "dev"


def test_a_question_with_several_answers_is_one_question_with_several_relevant_candidates() -> None:
    """Whether or not its items name a group; a perfect encoder ranks all answers first."""
    for grouped in (True, False):
        items = [
            PairItem(
                f"{question}-{answer}",
                str(question) if grouped else f"{question}-{answer}",
                {lang: f"question {question} {lang}" for lang in ("de", "en")},
                {lang: f"answer {question} {answer} {lang}" for lang in ("de", "en")},
            )
            for question in range(60)
            for answer in range(3)
        ]
        dev = split_dev({"s": items})[1]
        assert (len(dev.parallel_ids), len(dev.query_texts), len(dev.candidate_texts)) == (6, 12, 36)
        assert all(len(relevant) == 6 for relevant in relevant_keys(dev).values())
        queries, candidates = (by_question(texts) for texts in (dev.query_texts, dev.candidate_texts))
        found = evaluate(dev, queries, candidates, keep_per_query=False).headlines
        assert [found[f"{setting}/map"] for setting in ("monolingual", "cross-lingual", "multilingual", "overall")] == [
            1
        ] * 4


def by_question(texts: Sequence[str]) -> torch.Tensor:
    """The embeddings of an encoder that knows which question every text belongs to, and nothing else."""
    return torch.eye(60)[[int(text.split()[1]) for text in texts]]


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
    small = [item(number, f"h{number}", "de en fr") for number in range(2000, 2100)]
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


@pytest.mark.slow
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
