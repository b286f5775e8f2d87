"""What a study trains on is checked against all that judges it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from search_spaces.registry import space
from study.data import StudyData, load_data
from study.run import main
from study.settings import StudySettings
from tests.trainables.corpora.retrieval.toy_files import beir_folder
from trainables.batches.config import BatchConfig
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.atlas import atlas_benchmark, atlas_training
from trainables.errors import UserError

SPACE = space("dynamic_vs_static")


def load(*train: str, batch_size: int = 16, **settings: Any) -> StudyData:
    return load_data(StudySettings(train=train, **settings), SPACE, [BatchConfig(size=batch_size)])


def write(file: Path, items: list[dict[str, Any]]) -> str:
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    return str(file)


def copied(benchmark: Benchmark, count: int) -> list[dict[str, Any]]:
    """The questions of a benchmark with their answers, as training items."""
    found: dict[int, dict[str, Any]] = {}
    for q, text in enumerate(benchmark.query_texts):
        number, language = int(benchmark.query_parallel[q]), benchmark.languages[benchmark.query_language[q]]
        item = found.setdefault(number, {"id": f"copy{number}", "query": {}, "passage": {}})
        item["query"][language] = text
        for c in benchmark.relevant[benchmark.relevant_start[q] : benchmark.relevant_start[q + 1]]:
            if benchmark.languages[benchmark.candidate_language[c]] == language:
                item["passage"][language] = benchmark.candidate_texts[c]
    return list(found.values())[:count]


def other(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"o{i}",
            "query": {"en": f"one {i}", "de": f"eins {i}"},
            "passage": {"en": f"two {i}", "de": f"zwei {i}"},
        }
        for i in range(count)
    ]


def test_a_copy_of_the_test_benchmark_is_dropped_from_training(tmp_path: Path) -> None:
    benchmark = atlas_benchmark("test")
    file = write(tmp_path / "mine.jsonl", [*copied(benchmark, 40), *other(200)])
    data = load(file)
    assert data.overlap.counts()["mine"]["atlas-test"] == 40
    shown = data.record().overlap_examples["atlas-test"]
    assert len(shown) == 3
    assert all(one.training == one.evaluation for one in shown)
    assert "dev" not in data.record().overlap_examples
    assert not any(identifier.startswith("copy") for identifier in data.training.item_ids)
    kept = load(file, keep_overlap=True)
    assert any(identifier.startswith("copy") for identifier in kept.training.item_ids)


def test_a_file_called_like_the_atlas_is_not_the_atlas(tmp_path: Path) -> None:
    data = load(write(tmp_path / "atlas.jsonl", [*copied(atlas_benchmark("test"), 40), *other(200)]))
    assert data.training.set_names == ("atlas-2",)
    assert data.overlap.counts()["atlas-2"]["atlas-test"] == 40
    assert data.dev.name != atlas_benchmark("dev").name, "it has no dev set of its own"


def test_the_atlas_alone_keeps_all_of_its_items() -> None:
    data = load("atlas")
    assert len(data.training.item_ids) == len(list(atlas_training()))
    assert data.dev.fingerprint == atlas_benchmark("dev").fingerprint
    assert data.overlap.counts() == {"atlas": {}}


def test_records_name_the_licences_and_how_ties_rank(shared_data: Path) -> None:
    recorded = load("atlas", evaluate=("mlqa-r",), data_dir=shared_data, ties="trec").record()
    judged = recorded.benchmarks["mlqa-r"]
    assert (judged.licence, judged.non_commercial, judged.ties) == ("CC-BY-NC-4.0", True, "trec")
    assert (judged.unjudged_queries, judged.queries_with_nothing_relevant, judged.main_measure) == (0, 0, None)
    assert recorded.training.sets[0].licence == "Unicode-3.0"


@pytest.mark.slow
def test_the_atlas_is_judged_by_other_benchmarks(shared_data: Path) -> None:
    data = load("atlas", evaluate=("xquad-r",), data_dir=shared_data)
    assert set(data.overlap.counts()["atlas"]) == {"xquad-r"}


def test_a_folder_of_ones_own_judges_and_is_guarded(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    item = {"id": "same", "query": {"en": "Where is it?"}, "passage": {"en": "Rome It is in Italy."}}
    data = load(write(tmp_path / "mine.jsonl", [*other(200), item]), evaluate=(f"{tmp_path}/own:en", "atlas"))
    own, atlas = data.tests
    assert (own.name, own.languages, atlas.name) == ("own:en", ("en",), "atlas-test")
    assert data.overlap.counts()["mine"]["own:en"] == 1
    assert data.sources["own:en"].references == ()


def test_a_benchmark_counts_once_however_it_is_asked_for(tmp_path: Path) -> None:
    for folder in ("a/own", "b/own"):
        beir_folder(tmp_path / folder)
    for twice in (("atlas", "atlas"), (f"{tmp_path}/a/own:en", f"{tmp_path}/b/own:en"), ("cqadupstack", "beir")):
        with pytest.raises(UserError, match="is given twice"):
            load("atlas", evaluate=twice)


def test_what_training_shares_with_the_dev_set_is_dropped(tmp_path: Path) -> None:
    """Texts in common keep items together; runs of words within different texts do not."""
    question = "which of these long and winding questions of at least thirteen words is asked over and over again"
    items = [{**item, "query": {**item["query"], "en": f"{question} {i}"}} for i, item in enumerate(other(200))]
    data = load(write(tmp_path / "mine.jsonl", items), keep_overlap=True)
    shared = data.overlap.counts()["mine"]["dev"]
    assert shared == len(data.training.item_ids)
    with pytest.raises(Exception, match="shares text with dev"):
        load(str(tmp_path / "mine.jsonl"))


def two_questions_about_each(count: int, edit: str) -> list[dict[str, Any]]:
    """Passages with two questions in groups of their own; the passage of the second one differs by an edit."""
    return [
        {
            "id": f"i{n}{name}",
            "query": {language: f"{language} question {n}{name}" for language in ("en", "de")},
            "passage": {language: f"{language} passage {n}{edit * (name == 'b')}" for language in ("en", "de")},
        }
        for n in range(count)
        for name in "ab"
    ]


@pytest.mark.parametrize("edit", [" ", "\u200b", "."])
def test_hidden_groups_are_joined_on_both_sides_and_recorded(tmp_path: Path, edit: str) -> None:
    file = write(tmp_path / "mine.jsonl", two_questions_about_each(120, edit))
    data = load(file)
    recorded = data.record().training
    assert (recorded.groups, recorded.groups_in_files) == (108, 216), "a tenth of the passages is held out as dev"
    assert recorded.items_in_use == 216
    passages = {text.strip(" .\u200b") for text in data.training.texts}
    assert not passages & {text.strip(" .\u200b") for text in data.dev.candidate_texts}


def test_the_plan_tells_how_many_groups_were_joined_and_what_overlaps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = copied(atlas_benchmark("test"), 7)
    said = plan(tmp_path, capsys, write(tmp_path / "mine.jsonl", [*copies, *two_questions_about_each(120, " ")]))
    assert "7 items share text with a benchmark: dropped (translations are not seen" in said
    assert "with atlas-test 7 items, such as (training text | evaluation text) " in said
    assert (
        "items of one group never share a batch; the 216 items form 108 groups (the files name 216; 108 were joined to "
        "others that have a text in common)" in said
    )
    assert "216 items can serve" in said
    assert "hard negatives" not in said


def test_the_plan_foresees_that_arms_see_other_items_and_counts_the_items_of_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = write(tmp_path / "mine.jsonl", two_questions_about_each(120, " "))
    for language in ("de", "en"):
        lines = "".join(f"{language}: number {number} of the talks\n" for number in range(40))
        (tmp_path / f"talks.{language}").write_text(lines)
    said = plan(tmp_path, capsys, questions, str(tmp_path / "talks"), "--set", "batches.items=all")
    found = re.search(r"(\d+) items can serve monolingual batches, (\d+) cross-lingual ones", said)
    assert found is not None
    # A sentence is no answer to itself: all items of a bitext are cross-lingual.
    assert int(found[2]) - int(found[1]) == 2 * 36
    assert "arms with other ratios see other items, and the report will say so" in said


def test_the_plan_says_what_is_to_know_of_a_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = write(tmp_path / "mine.jsonl", two_questions_about_each(120, " "))
    for language in ("de", "en"):
        beir_folder(tmp_path / "own" / language)
    said = plan(tmp_path, capsys, questions, "--evaluate", str(tmp_path / "own"), "--bilingual")
    assert "2 ids of queries stand in several languages and are not declared as translations" in said
    assert "no language bias in own" in said
    assert "bilingual pools in atlas-test" in said


def plan(folder: Path, capsys: pytest.CaptureFixture[str], *train: str) -> str:
    asked = ["--evaluate", "atlas", "--model", "mini-xs", "--batch-size", "16", "--set", "steps=5", "--trials", "1"]
    assert main([*asked, "--seeds", "1", "--dry-run", "--storage", str(folder), "--train", *train]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_plan_tells_how_training_files_were_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Layout, columns, languages, first item, hard negatives, and languages that only a benchmark has."""
    rows = [
        {
            "parallel_id": f"o{i}",
            "lang": code,
            "query": f"{lang} one {i}",
            "pos": [f"{lang} two {i}"],
            "neg": [f"{lang} none {i}", f"{lang} two {i}."],
        }
        for i in range(200)
        for code, lang in (("eng_Latn", "en"), ("de", "de"))
    ]
    file = write(tmp_path / "mine.jsonl", rows)
    said = plan(tmp_path, capsys, file, "--train-layout", "flag_embedding")
    assert "mine layout flag_embedding (read: parallel_id, lang, query, pos, neg) of" in said
    assert "languages de, en (written eng_Latn)" in said
    assert "mine, first item o0: en: en one 0 | de: de one 0 -> en: en two 0 | de: de two 0 (4 negatives)" in said
    assert "hard negatives 180 items have 360; 180 items bring up to 1 into a batch (batches.hard_negatives)" in said
    assert "360 were dropped: they stand in their item's group" in said
    assert "not trained ar, el, es, hi, ru, th, tr, vi, zh: languages of a benchmark without any training text" in said


def test_the_records_tell_how_training_files_were_understood(tmp_path: Path) -> None:
    rows = [{"language": "en", "pair_id": n, "query": f"q {n}", "passage": f"p {n}"} for n in range(200)]
    rows += [{"language": "zh_cn", "pair_id": n, "query": f"f {n}", "passage": f"s {n}"} for n in range(200)]
    recorded = load(write(tmp_path / "mine.jsonl", rows)).record().training
    (one,) = recorded.sets
    assert (one.layout, one.columns) == ("rows", ("language", "pair_id", "query", "passage"))
    assert one.spellings == {"en": ("en",), "zh": ("zh_cn",)}
    assert recorded.languages == ("en", "zh")
    assert (recorded.negatives, recorded.negatives_dropped, recorded.items_with_negatives) == (0, 0, 0)


def test_texts_in_one_language_are_told_as_what_they_are(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.jsonl", [{"anchor": f"q {n}", "positive": f"p {n}"} for n in range(100)])
    with pytest.raises(UserError, match="All training texts are in en, and a study needs batches of both kinds"):
        load(file, train_language="en")


def test_hard_negatives_that_stand_in_a_benchmark_are_dropped_without_their_items(tmp_path: Path) -> None:
    benchmark = atlas_benchmark("test")
    copies = [{**item, "negatives": {"en": [benchmark.candidate_texts[n]]}} for n, item in enumerate(other(30))]
    data = load(
        write(tmp_path / "mine.jsonl", [*copies, *({**item, "id": f"x{n}"} for n, item in enumerate(apart(200)))])
    )
    assert data.overlap.counts()["mine"]["atlas-test"] == 0
    assert data.record().overlap_negatives["mine"]["atlas-test"] == len(set(benchmark.candidate_texts[:30]))
    assert len(data.training.negatives) == 0
    assert len(data.training) + data.held_out == 230


def apart(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"a{i}", "query": {"en": f"a {i}", "de": f"b {i}"}, "passage": {"en": f"c {i}", "de": f"d {i}"}}
        for i in range(count)
    ]


def test_the_plan_tells_which_benchmarks_show_no_language_bias(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    (own / "qrels").mkdir(parents=True)
    for name, text in (("corpus", "A duke."), ("queries", "Who?")):
        (own / f"{name}.jsonl").write_text(json.dumps({"_id": "1", "title": "", "text": text}) + "\n")
    (own / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t1\t1\n")
    file = write(tmp_path / "mine.jsonl", other(200))
    asked = ["--train", file, "--model", "mini-xs", "--batch-size", "16", "--set", "steps=5", "--trials", "1"]
    asked += ["--evaluate", f"{own}:en", "--evaluate", "atlas", "--seeds", "1", "--dry-run", "--storage", str(tmp_path)]
    assert main(asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "no language bias in own:en (no query has relevant candidates in two languages)" in said


@pytest.mark.parametrize("items", ["common", "all"])
def test_all_items_or_those_that_serve_both_kinds_are_used_as_asked(tmp_path: Path, items: str) -> None:
    alone = [{"id": f"e{n}", "query": {"en": f"only {n}"}, "passage": {"en": f"alone {n}"}} for n in range(100)]
    file = write(tmp_path / "mine.jsonl", [*other(200), *alone])
    settings = StudySettings(train=(file,))
    data = load_data(settings, SPACE, [BatchConfig(size=16, items=items)])
    both = sum("de" in data.training.item(n).query for n in range(len(data.training)))
    assert data.items_in_use == (both if items == "common" else len(data.training))
