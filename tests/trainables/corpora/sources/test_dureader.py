import json
from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import Rows, of_size, read, renamed, write, write_text
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.dureader import load_release
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError

PASSAGES = ["罗马在意大利。", "巴黎在法国。", "伯尔尼在瑞士。"]


def release(data_dir: Path) -> Path:
    """The authors' archive in miniature."""
    folder = data_dir / "dureader-retrieval-baseline-dataset"
    questions = [
        {"question_id": "qa", "question": "罗马在哪里", "answer_paragraphs": [paragraph(0)]},
        {"question_id": "qb", "question": "哪座城市", "answer_paragraphs": [paragraph(1), paragraph(2), paragraph(1)]},
    ]
    write(folder / "dev/dev.json", [])
    write_text(folder / "dev/dev.json", "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in questions))
    write_text(folder / "passage-collection/part-00", f"-\t-\t{PASSAGES[0]}\t0\n-\t\t{PASSAGES[1]}\t0\n")
    write_text(folder / "passage-collection/part-01", f"-\t首都\t{PASSAGES[2]}\t0\n")
    write_text(folder / "passage-collection/passage2id.map.json", json.dumps({"0": "p0", "1": "p1", "2": "p2"}))
    return folder


def paragraph(number: int) -> dict[str, str]:
    return {"paragraph_id": f"p{number}", "paragraph_text": PASSAGES[number]}


def test_the_authors_release_is_read(tmp_path: Path) -> None:
    release(tmp_path)
    assert read(load_release(tmp_path, None)) == {
        "candidates": [("p0", PASSAGES[0]), ("p1", PASSAGES[1]), ("p2", f"首都 {PASSAGES[2]}")],
        "queries": [("qa", "罗马在哪里"), ("qb", "哪座城市")],
        "judgements": [{"p0": 1}, {"p1": 1, "p2": 1}],
        "unjudged": 0,
    }
    with pytest.raises(UserError, match="has 2 judged queries in zh where 2,000 are published"):
        load_benchmark("dureader", "test", tmp_path)


def test_rows_that_do_not_belong_to_their_ids_and_missing_parts_are_told(tmp_path: Path) -> None:
    folder = release(tmp_path)
    (folder / "passage-collection/part-01").unlink()
    with pytest.raises(UserError, match="has 2 passages in 1 files and 3 ids in passage-collection/passage2id"):
        load_release(tmp_path, None)
    write_text(folder / "passage-collection/passage2id.map.json", json.dumps({"0": "p1", "1": "p0", "2": "p2"}))
    with pytest.raises(UserError, match=r"part-00:1: passage p1 has another text in dev/dev\.json"):
        load_release(tmp_path, None)
    write_text(folder / "passage-collection/passage2id.map.json", json.dumps({"0": "p0"}))
    with pytest.raises(UserError, match=r"part-00:2: passage-collection/passage2id\.map\.json has no id of row 1"):
        load_release(tmp_path, None)


def test_without_a_copy_of_the_release_the_way_to_it_is_told(tmp_path: Path) -> None:
    for data_dir in (None, tmp_path):
        with pytest.raises(UserError, match="The full pool of dureader is not on the hub: unpack the authors"):
            load_benchmark("dureader", "test", data_dir)


@pytest.fixture(scope="module")
def cut() -> tuple[Rows, Rows, Rows]:
    return of_size(Counts(100_001, 2000, 9839))


@pytest.mark.slow
def test_the_cut_of_mteb_and_the_old_one_of_c_mteb_are_the_same(tmp_path: Path, cut: tuple[Rows, Rows, Rows]) -> None:
    corpus, queries, qrels = cut
    judged = {"query-id": "qid", "corpus-id": "pid", "score": "score"}
    for folder, name, rows in (
        ("mteb/DuRetrieval", "corpus/dev", corpus),
        ("mteb/DuRetrieval", "queries/dev", queries),
        ("mteb/DuRetrieval", "data/dev", qrels),
        ("old/DuRetrieval", "data/corpus", renamed(corpus, {"_id": "id", "text": "text"})),
        ("old/DuRetrieval", "data/queries", renamed(queries, {"_id": "id", "text": "text"})),
        (
            "old/DuRetrieval-qrels",
            "data/dev",
            renamed(qrels, {"query-id": "qid", "corpus-id": "pid", "score": "score"}),
        ),
    ):
        write(tmp_path / folder / f"{name}-00000-of-00001.parquet", rows)
    new, old = (load_benchmark("dureader-100k", "test", place) for place in (tmp_path, tmp_path / "old"))
    assert new.fingerprint == old.fingerprint
    assert (new.name, new.languages) == ("dureader-100k", ("zh",))
