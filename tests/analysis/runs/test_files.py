"""Judgements, runs and systems: every layout is read alike, every mistake is one sentence with its place."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.runs import run_files
from analysis.runs.judgements import Judgements, in_pool, read_judgements, translations
from analysis.runs.run_files import read_run
from analysis.runs.systems import find_systems
from trainables.errors import UserError

GRADES = {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1}}
ROWS = [(q, d, g) for q, of in GRADES.items() for d, g in of.items()]
TSV = "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{g}\n" for q, d, g in ROWS)
OBJECTS = [{"query-id": q, "corpus-id": d, "score": g} for q, d, g in ROWS]
SCORES = {"q1": {"d1": 1.5, "d3": -2.0}, "q2": {"d2": 0.25}}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels.trec", "".join(f"{q} 0 {d} {g}\n" for q, d, g in ROWS)),
        ("qrels.miracl.tsv", "".join(f"{q}\tQ0\t{d}\t{g}\r\n\n" for q, d, g in ROWS)),
        ("test.tsv", TSV),
        ("test.tsv.gz", gzip.compress(TSV.encode(), mtime=0)),
        ("marked.tsv", "\ufeff" + TSV),
        ("turned.tsv", "score\tcorpus-id\tquery-id\n" + "".join(f"{g}.0\t{d}\t{q}\n" for q, d, g in ROWS)),
        ("test.jsonl", "".join(f"{json.dumps(row)}\n" for row in OBJECTS)),
        ("test.jsonl.gz", gzip.compress("".join(f"{json.dumps(row)}\n" for row in OBJECTS).encode(), mtime=0)),
        ("twice.trec", "".join(f"{q} 0 {d} {g}\n" for q, d, g in [*ROWS, ROWS[0]])),
    ],
)
def test_judgements_are_read_in_every_layout(tmp_path, name, content):
    assert read_judgements(write(tmp_path / name, content)).grades == GRADES


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
def test_judgements_in_parquet_have_whole_or_real_numbers(tmp_path, kind):
    columns = {name: [row[name] for row in OBJECTS] for name in OBJECTS[0]}
    columns["score"] = pa.array(columns["score"], kind)
    pq.write_table(pa.table(columns), tmp_path / "test.parquet")
    assert read_judgements(tmp_path / "test.parquet").grades == GRADES


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a", "", "holds no judgement"),
        ("a", "q 0 d 0\n", "judges no document relevant"),
        ("a", "q 0 d 1\nq 0 d\n", "a:2 has 3 columns"),
        ("a", "q 0 d x\n", "a:1 has the grade 'x'"),
        ("a", "q 0 d 0.5\n", "a:1 has the grade '0.5': grades are whole numbers"),
        ("a", "q 0 d nan\n", "a:1 has the grade 'nan'"),
        ("a", "q 0 d 1e30\n", "a:1 has the grade '1e30'"),
        ("a", "q 0 d 1\nq 0 d 2\n", "a:2 gives document 'd' of query 'q' the grade 2, but an earlier one gives it 1"),
        ("a.tsv", "query-id\tcorpus-id\n1\t2\n", "a.tsv:1: the header must have .* score is missing"),
        ("a.tsv", "query-id corpus-id score\n", "separated by tabs"),
        ("a.tsv", TSV + "q1\td9\n", "a.tsv:5 has 2 cells and the header 3"),
        ("a.jsonl", "{", "a.jsonl:1 is not JSON"),
        ("a.jsonl", "[1]", "a.jsonl:1 has no query-id, corpus-id, score"),
        ("a.jsonl", '{"query-id": [1], "corpus-id": 2, "score": 1}', r"a.jsonl:1 has the id \[1\]"),
        ("a.jsonl", '{"query-id": 1, "corpus-id": 2, "score": true}', "a.jsonl:1 has the grade True"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1 is not JSON"),
        ("a.parquet", "PAR1", "cannot be read as Parquet after row 0"),
        ("a.gz", "q 0 d 1\n", "is no gzip file"),
        ("a", b"q 0 d\xff 1\n", "a:1 is not UTF-8"),
    ],
)
def test_a_mistake_in_judgements_is_said_with_its_place(tmp_path, name, content, said):
    with pytest.raises(UserError, match=said):
        read_judgements(write(tmp_path / name, content))


@pytest.mark.parametrize("name", ["none", "none.parquet", "none.jsonl"])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(UserError, match="There is no file"):
        read_judgements(tmp_path / name)


TREC = "".join(f"{q} Q0 {d} 1 {s} tag\n" for q, of in SCORES.items() for d, s in of.items())


@pytest.mark.parametrize(
    ("name", "content", "part", "system"),
    [
        ("run.trec", TREC + "stranger Q0 d1 1 1 tag\n", None, ""),
        ("run.gz", gzip.compress((TREC + "stranger\tQ0\td1\t1\t1\ttag\n").encode(), mtime=0), None, ""),
        ("old.json", json.dumps(SCORES | {"stranger": {}}), None, ""),
        (
            "new.json",
            json.dumps(
                {
                    "mteb_model_meta": {"model_name": "a/b", "revision": None},
                    "default": {"test": SCORES | {"stranger": {}}},
                }
            ),
            None,
            "a/b",
        ),
        (
            "several.json.gz",
            gzip.compress(
                json.dumps(
                    {
                        "mteb_model_meta": {},
                        "de": {"dev": {}, "test": {}},
                        "en": {"test": SCORES | {"stranger": {}}},
                    }
                ).encode(),
                mtime=0,
            ),
            "en/test",
            "",
        ),
    ],
)
def test_runs_are_read_in_every_layout(tmp_path, name, content, part, system):
    run = read_run(write(tmp_path / name, content), GRADES, part)
    assert (run.scores, run.strangers, run.system) == (SCORES, 1, system)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a", "q1 Q0 d 1 0.5\n", "a:1 has 5 columns"),
        ("a", TREC + "q1 Q0 d 1 x tag\n", "a:4 gives document 'd' the score 'x': scores are finite numbers"),
        ("a", "q1 Q0 d 1 nan tag\n", "score 'nan'"),
        ("a", "q1 Q0 d 1 -inf tag\n", "score '-inf'"),
        ("a", "q1 Q0 d 1 1e39 tag\n", "score '1e39'"),
        ("a", "q1 Q0 d 1 1 tag\nq1 Q0 d 2 1 tag\n", "a:2 gives document 'd' a second time"),
        ("a", "", "answers none of the 2 judged queries: give"),
        ("a", "x Q0 d 1 1 tag\ny Q0 d 1 1 tag\n", r"answers none of the 2 judged queries \(2 others\)"),
        ("a.json", "{\n", "a.json:2 is not JSON"),
        ("a.json", "[]", "holds no predictions"),
        ("a.json", '{"q1": [1]}', r"query 'q1' has \[1\]"),
        ("a.json", '{"q1": {"d": "x"}}', "query 'q1' gives document 'd' the score 'x'"),
        ("a.json", '{"q1": {"d": NaN}}', "score nan"),
        ("a.json", '{"q1": {"d": 1, "d": 2}}', "the key 'd' occurs twice"),
        ("a.json", '{"a":' * 100_000, "a.json"),
        ("a.json", '{"mteb_model_meta": {}, "de": {"x": {}}, "en": {"x": {}}}', "de/x, en/x: say which with --part"),
        ("a.json", '{"mteb_model_meta": {}}', "the predictions of nothing"),
    ],
)
def test_a_mistake_in_a_run_is_said_with_its_place(tmp_path, name, content, said):
    with pytest.raises(UserError, match=said):
        read_run(write(tmp_path / name, content), GRADES)


def test_a_part_that_is_not_there_is_said(tmp_path):
    path = write(tmp_path / "a.json", '{"mteb_model_meta": {}, "de": {"x": {}}}')
    with pytest.raises(UserError, match="de/x: there is no 'de/test' among them"):
        read_run(path, GRADES, "de/test")


def test_a_run_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "MOST_ROWS", 2)
    with pytest.raises(UserError, match="more than 2 rows"):
        read_run(write(tmp_path / "a", TREC), GRADES)


def test_translations_are_one_question_by_their_ids_or_by_a_file(tmp_path):
    assert translations(("de|1", "zh-tw|1", "eng_Latn|2"), None) == ("1", "1", "2")
    assert translations(("de|1", "1"), None) == ("de|1", "1")
    path = write(tmp_path / "ids.tsv", "query-id\tquestion\na\t1\nb\t1\nc\t2\n")
    assert translations(("c", "a", "b"), path) == ("2", "1", "1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\t1\n", "names no question for 1 of 2 judged queries, such as 'b'"),
        ("a 1\n", "ids.tsv:1 has not two cells"),
        ("a\t1\na\t2\n", "ids.tsv:2 names a second question for query 'a'"),
    ],
)
def test_a_mistake_in_parallel_ids_is_said_with_its_place(tmp_path, content, said):
    with pytest.raises(UserError, match=said):
        translations(("a", "b"), write(tmp_path / "ids.tsv", content))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("bm25.trec.gz", "a.run", "b=c.txt", "seeds/1.trec", "seeds/2.trec", "seeds/.hidden"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name", "paths"),
    [
        ("bm25.trec.gz", "bm25", ["bm25.trec.gz"]),
        ("b=c.txt", "b=c", ["b=c.txt"]),
        ("mine=a.run", "mine", ["a.run"]),
        ("mine=b=c.txt,a.run", "mine", ["b=c.txt", "a.run"]),
        ("seeds", "seeds", ["seeds/1.trec", "seeds/2.trec"]),
        ("mine=seeds", "mine", ["seeds/1.trec", "seeds/2.trec"]),
        ("a\x1b[31m\nb=a.run", "a\\x1b[31m b", ["a.run"]),
    ],
)
def test_systems_are_named_by_the_command_or_by_their_files(folder, text, name, paths):
    (system,) = find_systems([text])
    assert (system.name or system.fallback, [str(path) for path in system.paths]) == (name, paths)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["nothing"], "There is no file or folder 'nothing': check the path"),
        (["a.run,bm25.trec.gz"], "write NAME=a.run,bm25.trec.gz for several runs"),
        (["=a.run"], "names no system"),
        (["x="], "There is no file or folder '' for 'x'"),
        (["x=a.run,nothing"], "There is no file or folder 'nothing' for 'x'"),
        (["x=a.run", "y=./a.run"], "a.run is named twice"),
        (["seeds", "x=seeds/1.trec"], "named twice"),
        (["."], "holds the folder seeds"),
    ],
)
def test_a_mistake_in_the_names_is_said(folder, texts, said):
    with pytest.raises(UserError, match=said):
        find_systems(texts)


def test_links_in_a_folder_are_not_followed(folder):
    (folder / "seeds" / "3.trec").symlink_to(folder / "a.run")
    with pytest.raises(UserError, match="is a link, which is not followed"):
        find_systems(["seeds"])


def test_an_empty_folder_is_said(folder):
    (folder / "none").mkdir()
    with pytest.raises(UserError, match="holds no file"):
        find_systems(["none"])


def test_kept_runs_are_compared_in_one_pool_at_a_time() -> None:
    kept = Judgements("kept.qrels.gz", {f"{x}|{pool}|q 1": {"d": 1} for x in ("de", "en") for pool in (x, "all")})
    with pytest.raises(UserError, match=r"in two pools, .*: give --pool own or --pool all"):
        in_pool(kept, None)
    assert in_pool(kept, "all").queries == ("de|all|q 1", "en|all|q 1")
    assert in_pool(kept, "own").queries == ("de|de|q 1", "en|en|q 1")
    assert translations(in_pool(kept, "own").queries, None) == ("q 1", "q 1")
    plain = Judgements("qrels.tsv", {"de|1": {"d": 1}})
    assert in_pool(plain, None) is plain
    with pytest.raises(UserError, match=r"--pool all: no query of qrels.tsv is in such a pool"):
        in_pool(plain, "all")


def test_judgements_beside_the_runs_of_a_study_are_no_run(tmp_path: Path) -> None:
    for name in ("people.trec.gz", "people.qrels.gz"):
        (tmp_path / name).write_bytes(b"")
    (found,) = find_systems([f"mine={tmp_path}"])
    assert [path.name for path in found.paths] == ["people.trec.gz"]
