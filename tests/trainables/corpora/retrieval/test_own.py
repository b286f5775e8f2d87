import json
from pathlib import Path

import pytest

from tests.trainables.corpora.hub_server import COMMIT, beside_a_hub, hub_server
from tests.trainables.corpora.retrieval.toy_files import (
    CORPUS,
    QRELS,
    QUERIES,
    READ,
    beir_folder,
    read,
    renamed,
    write,
    write_text,
)
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.retrieval.own import absolute, own_benchmark
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(name: str, data_dir: Path | None = None) -> Benchmark:
    return load_benchmark(name, "test", data_dir)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".tsv", ".parquet"])
def test_a_folder_is_a_benchmark_in_the_language_behind_the_colon(tmp_path: Path, suffix: str) -> None:
    beir_folder(tmp_path / "own", suffix)
    built = load("own:en")
    assert read(built) == READ
    assert (built.name, built.languages, built.origin) == ("own:en", ("en",), "own")


def test_a_folder_is_found_below_the_data_folder_and_by_its_absolute_path(tmp_path: Path) -> None:
    beir_folder(tmp_path / "data/own")
    for name, data_dir in (("own:en", tmp_path / "data"), (f"{tmp_path}/data/own:en", None)):
        assert read(load(name, data_dir)) == READ


def test_the_language_may_stand_in_the_folder(tmp_path: Path) -> None:
    write_text(beir_folder(tmp_path / "own") / "benchmark.json", '{"language": "en"}')
    assert load("own").name == "own"
    with pytest.raises(UserError, match=r"own: its benchmark\.json says en, not de: give one of them"):
        load("own:de")


def test_the_language_may_stand_in_columns_or_in_front_of_ids(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    write(tmp_path / "own/corpus.jsonl", [{**row, "language": "de"} for row in CORPUS])
    write(tmp_path / "own/queries.jsonl", [{**row, "lang": "en"} for row in QUERIES])
    assert load("own").languages == ("de", "en")
    write(tmp_path / "own/corpus.jsonl", [{**row, "_id": f"de|{row['_id']}"} for row in CORPUS])
    write(tmp_path / "own/queries.jsonl", [{**row, "_id": f"en|{row['_id']}"} for row in QUERIES])
    judged = [{**r, "query-id": f"en|{r['query-id']}", "corpus-id": f"de|{r['corpus-id']}"} for r in QRELS]
    write(tmp_path / "own/qrels/test.tsv", judged)
    built = load("own")
    assert built.languages == ("de", "en")
    assert built.candidate_ids[0] == "de|d1"


def test_without_a_language_it_is_asked_for(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    with pytest.raises(
        UserError, match=r"own/queries\.jsonl:1: nothing says in which language .*\(--evaluate own:en\)"
    ):
        load("own")


def test_a_folder_per_language_is_a_multilingual_benchmark(tmp_path: Path) -> None:
    for language in ("en", "de"):
        beir_folder(tmp_path / "own" / language)
    apart = load("own")
    assert apart.languages == ("de", "en")
    assert len(apart.parallel_ids) == 4, "equal ids are not parallel"
    write_text(tmp_path / "own/benchmark.json", '{"parallel": true}')
    together = load("own")
    assert together.parallel_ids == ("q1", "q3")
    assert read(together)["judgements"][0] == {"de:d1": 1, "en:d1": 1, "de:d2": 0, "en:d2": 0}
    assert read(load("own:en")) == READ
    with pytest.raises(UserError, match=r"own is not in fr: it is in de, en"):
        load("own:fr")


def test_ids_that_languages_share_without_being_declared_as_translations_are_told(tmp_path: Path) -> None:
    for language in ("de", "en"):
        beir_folder(tmp_path / "own" / language)
    (remark,) = load("own").remarks
    assert remark.startswith("2 ids of queries stand in several languages and are not declared as translations")
    assert '"parallel": true in benchmark.json' in remark
    write_text(tmp_path / "own/benchmark.json", '{"parallel": true}')
    assert load("own").remarks == ()


def test_ids_behind_a_language_are_translations_where_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    texts = [{"_id": f"{language}|1", "text": f"{language} text"} for language in ("de", "en")]
    write(folder / "corpus.jsonl", texts)
    write(folder / "queries.jsonl", texts)
    write(folder / "qrels/test.tsv", [{"query-id": "en|1", "corpus-id": "en|1", "score": 1}])
    assert read(load("own"))["judgements"] == [{"en|1": 1}]
    write_text(folder / "benchmark.json", '{"parallel": true}')
    assert read(load("own"))["judgements"] == [{"de|1": 1, "en|1": 1}] * 2


@pytest.mark.parametrize(
    ("renamed_to", "sentence"),
    [
        ("texxt", r"corpus\.jsonl:1: there is no column text: is 'texxt' meant\? Rename it"),
        ("body", r"corpus\.jsonl:1: there is no column text: name one so \(it has _id, title, body\)"),
    ],
)
def test_a_misspelt_column_is_told_with_what_is_meant(tmp_path: Path, renamed_to: str, sentence: str) -> None:
    folder = beir_folder(tmp_path / "own")
    write(folder / "corpus.jsonl", renamed(CORPUS, {"_id": "_id", "title": "title", "text": renamed_to}))
    with pytest.raises(UserError, match=sentence):
        load("own:en")


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    with pytest.raises(UserError, match=r"own/corpus\.jsonl is a file: a benchmark is a folder .* name the folder"):
        load("own/corpus.jsonl")


def test_trec_and_miracl_folders_are_recognised(tmp_path: Path) -> None:
    write_text(tmp_path / "trec/topics.tsv", "q1\tWhere is Rome?\n")
    write_text(tmp_path / "trec/qrels.txt", "q1 0 d1 1\n")
    write_text(tmp_path / "trec/corpus.tsv", "d1\tRome\n")
    assert load("trec:en").query_texts == ("Where is Rome?",)
    for name, text in (("topics/topics", "1\tNani?\n"), ("qrels/qrels", "1\tQ0\t3#0\t1\n")):
        write_text(tmp_path / f"sample/miracl-v1.0-sw/{name}.miracl-v1.0-sw-dev.tsv", text)
    write(tmp_path / "sample/miracl-corpus-v1.0-sw/docs-0.jsonl.gz", [{"docid": "3#0", "title": "", "text": "Mtu"}])
    assert load("sample").languages == ("sw",)


def test_one_split_is_taken_and_another_may_be_named(tmp_path: Path) -> None:
    for split in ("train", "dev", "odd"):
        beir_folder(tmp_path / "own", split=split)
        write(tmp_path / f"own/qrels/{split}.tsv", QRELS[:1] if split == "odd" else QRELS)
    assert len(load("own:en").query_texts) == 2
    write_text(tmp_path / "own/benchmark.json", '{"split": "odd"}')
    assert len(load("own:en").query_texts) == 1


def test_what_a_folder_says_of_itself_is_known_before_it_is_loaded(tmp_path: Path) -> None:
    facts = {"language": "en", "measures": ["mrr@10"], "licence": "CC0-1.0", "description": "mine"}
    write_text(beir_folder(tmp_path / "own") / "benchmark.json", json.dumps(facts))
    source = own_benchmark("own")
    assert source is not None
    assert (source.measures, source.licence, source.description) == (("mrr@10",), "CC0-1.0", "mine")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ('{"langauge": "en"}', r"benchmark\.json: Unknown entry 'langauge': did you mean language"),
        ('{"parallel": "yes"}', r"benchmark\.json: parallel: input should be a valid boolean"),
        ("{", r"benchmark\.json: the file: invalid JSON"),
    ],
)
def test_a_wrong_benchmark_json_is_told(tmp_path: Path, facts: str, sentence: str) -> None:
    write_text(beir_folder(tmp_path / "own") / "benchmark.json", facts)
    with pytest.raises(UserError, match=sentence):
        load("own")


def test_a_folder_without_a_set_is_told_what_is_expected(tmp_path: Path) -> None:
    write_text(tmp_path / "own/notes.txt", "nothing")
    with pytest.raises(UserError, match=r"own holds no judgements \(a file qrels/test\.tsv"):
        load("own:en")


@pytest.mark.parametrize("name", ["multilingual", "atlas"])
def test_a_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    beir_folder(tmp_path / "folders" / name)
    with pytest.raises(UserError, match="rename its folder"):
        load(f"folders/{name}")


def test_the_same_folder_is_named_from_anywhere(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    assert absolute("own") == f"{tmp_path}/own"
    assert absolute("own:en") == f"{tmp_path}/own:en"
    assert absolute("beir-scifact") == "beir-scifact"
    assert absolute("hub:org/name:en") == "hub:org/name:en"


def test_a_repository_of_the_hub_is_read_from_a_local_copy(tmp_path: Path) -> None:
    copy = beir_folder(tmp_path / "data/org/set")
    built = load("hub:org/set@v1:en", tmp_path / "data")
    assert (built.name, read(built)) == ("set:en", READ)
    with pytest.raises(UserError, match="nothing says in which language"):
        load("hub:org/set", tmp_path / "data")
    write_text(copy / "README.md", "---\nlanguage: [en]\n---\n")
    assert load("hub:org/set", tmp_path / "data").languages == ("en",)


def test_languages_of_a_repository_are_chosen(tmp_path: Path) -> None:
    for language in ("sw", "yo", "ko"):
        write(tmp_path / f"data/org/set/{language}-corpus/test.parquet", CORPUS)
        write(
            tmp_path / f"data/org/set/{language}-queries/test.parquet", renamed(QUERIES, {"_id": "id", "text": "text"})
        )
        write(tmp_path / f"data/org/set/{language}-qrels/test.parquet", QRELS)
    assert load("hub:org/set", tmp_path / "data").languages == ("ko", "sw", "yo")
    chosen = load("hub:org/set:yo,sw", tmp_path / "data")
    assert (chosen.name, chosen.languages) == ("set:sw,yo", ("sw", "yo"))


def test_a_repository_is_fetched_with_its_companion_at_their_commits(tmp_path: Path) -> None:
    files = {
        "BeIR/set": {
            "corpus/corpus-00000-of-00001.parquet": write(tmp_path / "c.parquet", CORPUS).read_bytes(),
            "queries/queries-00000-of-00001.parquet": write(tmp_path / "q.parquet", QUERIES).read_bytes(),
        },
        "BeIR/set-qrels": {"test.tsv": write(tmp_path / "t.tsv", QRELS).read_bytes()},
    }
    code = """if True:
        from trainables.corpora.sources.registry import load_benchmark
        built = load_benchmark("hub:BeIR/set:en", "test")
        print(built.name, built.origin, len(built.query_texts), len(built.candidate_ids), built.unjudged_queries)
    """
    with hub_server(files) as address:
        (fetched,) = beside_a_hub(tmp_path / "home", address, code)
    assert fetched == f"set:en hub:BeIR/set@{COMMIT} 2 3 1"
    (kept,) = beside_a_hub(tmp_path / "home", "http://127.0.0.1:9", code, offline=True)
    assert kept == fetched


def test_configurations_that_are_no_languages_are_told(tmp_path: Path) -> None:
    write(tmp_path / "own/physics-corpus/test.jsonl", CORPUS)
    with pytest.raises(UserError, match="own has configurations of another kind than languages: 'physics' is no code"):
        load("own")


def test_languages_must_be_codes_and_one_for_a_set_in_one_language(tmp_path: Path) -> None:
    beir_folder(tmp_path / "own")
    with pytest.raises(UserError, match="--evaluate own:english: 'english' is no code of a language"):
        load("own:english")
    with pytest.raises(UserError, match="own is in one language, or says each text's own: give one, not de, en"):
        load("own:en,de")


def test_a_folder_that_is_called_like_no_language_is_not_left_out_in_silence(tmp_path: Path) -> None:
    for name in ("de", "german"):
        beir_folder(tmp_path / "own" / name)
    with pytest.raises(UserError, match="own has the folder german beside de, and 'german' is no code of a language"):
        load("own")


def test_a_folder_of_images_is_two_benchmarks(tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/test.parquet").write_bytes((shared_data / "emoji-captions/test.parquet").read_bytes())
    built = load("pictures:image-to-text")
    assert (built.name, len(built.query_language), len(built.languages)) == ("pictures-image-to-text", 885, 32)
    with pytest.raises(UserError, match="two directions; name one behind a colon, as in pictures:text-to-image or"):
        load("pictures")
