import os
import string
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from babel import Locale

from trainables.corpora.atlas.facts import LANGUAGES, facts
from trainables.corpora.atlas.wordings import WORDINGS
from trainables.corpora.overlap import find_overlap
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.atlas import BENCHMARK, SPLITS, TRAINING, atlas_benchmark, atlas_training

SCRIPTS = {"ar": "ARABIC", "el": "GREEK", "hi": "DEVANAGARI", "ru": "CYRILLIC", "th": "THAI", "zh": "CJK"}


def texts_by_language() -> dict[str, list[str]]:
    """Every text of the atlas, questions and passages, of all splits."""
    texts: dict[str, list[str]] = defaultdict(list)
    for item in atlas_training():
        for by_language in (item.query, item.passage):
            for language, text in by_language.items():
                texts[language].append(text)
    for split in SPLITS:
        data = atlas_benchmark(split)
        for numbers, found in (
            (data.query_language, data.query_texts),
            (data.candidate_language, data.candidate_texts),
        ):
            for number, text in zip(numbers, found, strict=True):
                texts[data.languages[number]].append(text)
    return texts


def script_of(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0]


def test_the_splits_have_the_sizes_of_the_default_study() -> None:
    assert len(atlas_benchmark("test").parallel_ids) == 150
    assert len(atlas_benchmark("dev").parallel_ids) == 100
    assert 550 <= len(atlas_training()) <= 600
    assert len({item.group for item in atlas_training()}) >= 150
    assert len({item.id.split(":")[1] for item in atlas_training()}) >= 150


def test_every_training_item_has_a_question_and_a_passage_in_every_language() -> None:
    for item in atlas_training():
        assert tuple(item.query) == tuple(item.passage) == LANGUAGES
        assert all([*item.query.values(), *item.passage.values()])


@pytest.mark.parametrize("split", SPLITS)
def test_the_relevant_candidates_of_a_question_are_the_passages_of_its_fact_in_every_language(split: str) -> None:
    data = atlas_benchmark(split)
    assert data.languages == LANGUAGES
    assert len(data.query_texts) == len(data.candidate_ids) == len(data.parallel_ids) * len(LANGUAGES)
    for query in range(len(data.query_texts)):
        fact = data.parallel_ids[data.query_parallel[query]]
        relevant = data.relevant[data.relevant_start[query] : data.relevant_start[query + 1]]
        assert {data.candidate_ids[c] for c in relevant} == {f"{fact}:{language}" for language in LANGUAGES}
        assert np.array_equal(np.sort(data.candidate_language[relevant]), np.arange(len(LANGUAGES)))
    cells = Counter(zip(data.query_parallel.tolist(), data.query_language.tolist(), strict=True))
    assert set(cells.values()) == {1}


def test_no_fact_is_in_two_splits_and_none_is_lost() -> None:
    train = {item.id for item in atlas_training()}
    dev, test = (set(atlas_benchmark(split).parallel_ids) for split in SPLITS)
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert train | dev | test == {fact.id for fact in facts()}


def test_no_territory_is_in_dev_and_test_and_each_is_trained_with_another_relation() -> None:
    trained = {item.id.split(":")[1] for item in atlas_training()}
    dev, test = ({fact.split(":")[1] for fact in atlas_benchmark(split).parallel_ids} for split in SPLITS)
    assert not dev & test
    assert dev | test <= trained


@pytest.mark.parametrize("split", SPLITS)
def test_the_other_fact_of_the_same_territory_is_always_in_the_pool(split: str) -> None:
    relations = defaultdict(set)
    for fact in atlas_benchmark(split).parallel_ids:
        relation, territory = fact.split(":")
        relations[territory].add(relation)
    assert {len(of_one) for of_one in relations.values()} == {2}
    # Every relation is asked often enough to matter in the average.
    shares = Counter(relation for of_one in relations.values() for relation in of_one)
    assert set(shares) == set(WORDINGS)
    assert min(shares.values()) >= 0.1 * sum(shares.values())


def test_there_are_three_questions_and_two_passages_per_relation_and_language() -> None:
    assert len(WORDINGS) >= 3
    for by_language in WORDINGS.values():
        assert tuple(by_language) == LANGUAGES
        for wording in by_language.values():
            assert len(set(wording.questions)) == 3
            assert len(set(wording.passages)) == 2


def test_a_question_names_the_place_once_and_a_passage_the_answer_too() -> None:
    def names(wording: str) -> list[str]:
        return sorted(name for _, name, _, _ in string.Formatter().parse(wording) if name is not None)

    for by_language in WORDINGS.values():
        for wording in by_language.values():
            assert all(names(question) == ["place"] for question in wording.questions)
            assert all(names(passage) == ["answer", "place"] for passage in wording.passages)


def test_no_wording_is_used_for_two_relations_of_a_language() -> None:
    for language in LANGUAGES:
        all_wordings = [w for r in WORDINGS.values() for w in (*r[language].questions, *r[language].passages)]
        assert len(set(all_wordings)) == len(all_wordings)


def test_training_and_test_see_every_wording_of_a_question_and_a_passage() -> None:
    places = {fact.id: fact.place for fact in facts()}
    answers = {fact.id: fact.answer for fact in facts()}

    def used(fact: str, language: str, text: str) -> str:
        wording = WORDINGS[fact.split(":")[0]][language]
        found = [
            template
            for template in (*wording.questions, *wording.passages)
            if template.format(place=places[fact][language], answer=answers[fact][language]) == text
        ]
        assert len(found) == 1
        return found[0]

    everything = {(lang, w) for r in WORDINGS.values() for lang, v in r.items() for w in (*v.questions, *v.passages)}
    train = {
        (language, used(item.id, language, text))
        for item in atlas_training()
        for by_language in (item.query, item.passage)
        for language, text in by_language.items()
    }
    assert train == everything
    data = atlas_benchmark("test")
    test = set()
    for query, text in enumerate(data.query_texts):
        language = data.languages[data.query_language[query]]
        test.add((language, used(data.parallel_ids[data.query_parallel[query]], language, text)))
    for identifier, text in zip(data.candidate_ids, data.candidate_texts, strict=True):
        fact, _, language = identifier.rpartition(":")
        test.add((language, used(fact, language, text)))
    assert test == everything


def test_the_wording_of_a_question_tells_nothing_about_the_wording_of_its_passage() -> None:
    table = np.zeros((3, 2))
    for item in atlas_training():
        relation = item.id.split(":")[0]
        fact = next(fact for fact in facts() if fact.id == item.id)
        for language in LANGUAGES:
            wording = WORDINGS[relation][language]
            names = {"place": fact.place[language], "answer": fact.answer[language]}
            question = [w.format(**names) for w in wording.questions].index(item.query[language])
            passage = [w.format(**names) for w in wording.passages].index(item.passage[language])
            table[question, passage] += 1
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    # Chi-square with two degrees of freedom: above 13.8 once in a thousand draws.
    assert ((table - expected) ** 2 / expected).sum() < 13.8
    assert table.min() > 0.9 * table.sum() / 6


def test_no_placeholder_and_no_invisible_character_is_left_in_a_text() -> None:
    for texts in texts_by_language().values():
        for text in texts:
            assert not set(text) & set("{}\u00ad\ufffd\n\t")
            assert text == text.strip()
            assert "  " not in text
            assert text == unicodedata.normalize("NFC", text)


def test_no_text_is_written_in_the_script_of_another_language() -> None:
    for language, texts in texts_by_language().items():
        own = SCRIPTS.get(language, "LATIN")
        for text in texts:
            scripts = Counter(script_of(character) for character in text if unicodedata.category(character)[0] == "L")
            # Abbreviations such as CFA stay Latin everywhere; the ʻokina of Polynesian names is a modifier letter.
            assert set(scripts) <= {own, "LATIN", "MODIFIER"}, text
            assert scripts[own] > 0.6 * scripts.total(), text


def test_no_two_facts_share_a_question_or_a_passage_in_a_language() -> None:
    for language in LANGUAGES:
        for pick in ("query", "passage"):
            owners: dict[str, set[str]] = defaultdict(set)
            for item in atlas_training():
                owners[getattr(item, pick)[language]].add(item.id)
            for split in SPLITS:
                data = atlas_benchmark(split)
                if pick == "query":
                    for query, text in enumerate(data.query_texts):
                        if data.languages[data.query_language[query]] == language:
                            owners[text].add(data.parallel_ids[data.query_parallel[query]])
                else:
                    for identifier, text in zip(data.candidate_ids, data.candidate_texts, strict=True):
                        if identifier.endswith(f":{language}"):
                            owners[text].add(identifier.rpartition(":")[0])
            assert {len(ids) for ids in owners.values()} == {1}


def test_no_running_text_of_dev_or_test_is_in_training() -> None:
    benchmarks = [atlas_benchmark(split) for split in SPLITS]
    # Questions about another place, whose name ends in that of one of the test: South Sudan, Somalia (索马里) and
    # Mali (马里), Belarus (白俄罗斯) and Russia (俄罗斯).
    assert find_overlap({"atlas": atlas_training()}, benchmarks).items == {
        "atlas": {"atlas-dev": (), "atlas-test": ("currency:SS", "language:SO", "region:BY", "region:SS")}
    }
    trained = {text for item in atlas_training() for m in (item.query, item.passage) for text in m.values()}
    for data in benchmarks:
        assert not trained & {*data.query_texts, *data.candidate_texts}


@pytest.mark.parametrize(
    ("fact", "language", "place", "answer"),
    [
        ("currency:JP", "de", "Japan", "Japanischer Yen"),
        ("language:BR", "ru", "Бразилия", "португальский"),
        ("time zone:EG", "ar", "مصر", "القاهرة"),
        ("time zone:IS", "de", "Island", "Reykjavík"),
        ("time zone:IN", "zh", "印度", "加尔各答"),
        ("region:GR", "el", "Ελλάδα", "Νότια Ευρώπη"),
        ("region:KE", "th", "เคนยา", "แอฟริกาตะวันออก"),
        ("language:CH", "hi", "स्विट्ज़रलैंड", "जर्मन"),
        ("currency:VN", "tr", "Vietnam", "Vietnam dongu"),
        ("language:PE", "vi", "Peru", "Tiếng Tây Ban Nha"),
    ],
)
def test_known_facts_are_told_right(fact: str, language: str, place: str, answer: str) -> None:
    known = {fact.id: fact for fact in facts()}
    assert (known[fact].place[language], known[fact].answer[language]) == tuple(
        unicodedata.normalize("NFC", name) for name in (place, answer)
    )


def test_territories_with_several_answers_and_places_without_people_are_left_out() -> None:
    ids = {fact.id for fact in facts()}
    # Two legal tenders, two official languages with as many speakers, several time zones, a zone called like its place.
    assert not ids & {"currency:LS", "language:MW", "time zone:US", "time zone:QA"}
    assert not {fact.territory for fact in facts()} & {"AQ", "BV", "HM", "EU", "UN", "ZZ", "QO"}


def test_names_are_those_of_the_cldr() -> None:
    for fact in facts():
        for language in LANGUAGES:
            name = unicodedata.normalize("NFC", Locale.parse(language).territories[fact.territory])
            assert fact.place[language] == name.replace("\u00ad", "")
            assert fact.place[language] != fact.territory


@pytest.mark.slow
def test_another_process_with_another_hash_seed_builds_the_same_atlas() -> None:
    code = (
        "from trainables.corpora.sources.atlas import *; from trainables.corpora.pairs import training_data;"
        "print(training_data({'atlas': atlas_training()}).fingerprint,"
        "atlas_benchmark('dev').fingerprint, atlas_benchmark('test').fingerprint)"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    here = [
        training_data({"atlas": atlas_training()}).fingerprint,
        *(atlas_benchmark(split).fingerprint for split in SPLITS),
    ]
    assert printed == [here, here]


def test_it_says_what_it_is() -> None:
    for source in (BENCHMARK, TRAINING):
        assert source.name == "atlas"
        assert "CLDR" in source.description
        assert f"{len(LANGUAGES)} languages" in source.description
        assert (source.licence, source.non_commercial, source.references) == ("Unicode-3.0", False, ())


def test_it_loads_by_split_whatever_the_data_folder(tmp_path: Path) -> None:
    assert BENCHMARK.splits == SPLITS
    for split in SPLITS:
        assert BENCHMARK.load(split, tmp_path) is atlas_benchmark(split)
    assert TRAINING.load(tmp_path) == list(atlas_training())


def test_its_own_dev_split_chooses_parameters_and_its_splits_share_wordings_on_purpose() -> None:
    assert TRAINING.dev == BENCHMARK.name
    assert TRAINING.overlap_exempt == {atlas_benchmark(split).name for split in SPLITS}
