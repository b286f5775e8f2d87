"""A copy in the documented layout, of the published size, is read; another one is told."""

from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import beir_folder, mteb_json_lines, of_size, write
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError

NFCORPUS = Counts(3633, 323, 12334)


def test_a_set_of_mteb_and_one_of_beir_are_the_same_benchmark(tmp_path: Path) -> None:
    rows = of_size(NFCORPUS)
    mteb_json_lines(tmp_path / "a/mteb/nfcorpus", rows)
    corpus, queries, qrels = rows
    write(tmp_path / "b/BeIR/nfcorpus/corpus/corpus-00000-of-00001.parquet", corpus)
    write(tmp_path / "b/BeIR/nfcorpus/queries/queries-00000-of-00001.parquet", queries)
    write(tmp_path / "b/BeIR/nfcorpus-qrels/test.tsv", qrels)
    write(tmp_path / "c/nfcorpus/corpus.jsonl.gz", corpus)
    write(tmp_path / "c/nfcorpus/queries.jsonl.gz", queries)
    write(tmp_path / "c/nfcorpus/qrels/test.tsv", qrels)
    found = [load_benchmark("beir-nfcorpus", "test", tmp_path / name) for name in "abc"]
    assert len({one.fingerprint for one in found}) == 1
    assert (found[0].languages, found[0].unjudged_queries) == (("en",), 1)


def test_half_a_corpus_is_refused(tmp_path: Path) -> None:
    corpus, queries, qrels = of_size(NFCORPUS)
    kept = {row["corpus-id"] for row in qrels}
    mteb_json_lines(tmp_path / "mteb/nfcorpus", ([row for row in corpus if row["_id"] in kept][:-1], queries, qrels))
    with pytest.raises(UserError, match=r"qrels/test\.jsonl:\d+: there is no document '.*' in its file"):
        load_benchmark("beir-nfcorpus", "test", tmp_path)
    mteb_json_lines(tmp_path / "mteb/nfcorpus", (corpus, queries, qrels[:-1]))
    with pytest.raises(UserError, match=r"nfcorpus has 12,333 relevant documents of queries in en where 12,334 are"):
        load_benchmark("beir-nfcorpus", "test", tmp_path)


def test_a_toy_copy_is_not_taken_for_the_set(tmp_path: Path) -> None:
    beir_folder(tmp_path / "scifact")
    with pytest.raises(UserError, match=r"scifact has 3 documents in en where 5,183 are published"):
        load_benchmark("beir-scifact", "test", tmp_path)


def test_argument_and_counterargument_with_one_id_do_not_see_each_other(tmp_path: Path) -> None:
    corpus, queries, qrels = of_size(Counts(8674, 1406, 1406))
    argued = [{**row, "_id": row["_id"].replace("q", "d")} for row in queries]
    shifted = [{"query-id": f"d{n}", "corpus-id": f"d{n + 2000}", "score": 1} for n in range(len(qrels))]
    mteb_json_lines(tmp_path / "mteb/arguana", (corpus, argued, shifted))
    built = load_benchmark("beir-arguana", "test", tmp_path)
    assert [built.ignored[q].tolist() for q in range(3)] == [[0], [1], [2]]


def test_msmarco_is_judged_by_its_dev_split_and_its_hard_version_by_test(tmp_path: Path) -> None:
    rows = of_size(Counts(8812, 43, 4102))
    mteb_json_lines(tmp_path / "mteb/MSMARCO_test_top_250_only_w_correct-v2", rows)
    assert len(load_benchmark("beir-msmarco-hard", "test", tmp_path).query_texts) == 43
    mteb_json_lines(tmp_path / "mteb/msmarco", rows, "dev")
    with pytest.raises(UserError, match=r"msmarco has 8,812 documents in en where 8,841,823 are published"):
        load_benchmark("beir-msmarco", "test", tmp_path)


def test_a_later_version_is_another_benchmark(tmp_path: Path) -> None:
    mteb_json_lines(tmp_path / "mteb/climate-fever-v2", of_size(Counts(7675, 1535, 5732)))
    assert load_benchmark("beir-climate-fever-v2", "test", tmp_path).name == "beir-climate-fever-v2"
