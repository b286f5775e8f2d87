"""Families of sets on the hub: a copy in the documented layout, of the published size, is read, another not."""

import re
from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import Rows, beir_folder, floats, of_size, write
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import BENCHMARKS, COLLECTIONS, benchmark_names, load_benchmark
from trainables.errors import UserError
from trainables.evaluation.measures.registry import chosen_measures
from trainables.evaluation.metric_name import MetricName


def json_lines(folder: Path, rows: tuple[Rows, Rows, Rows], split: str = "test") -> None:
    """As mteb has English sets: scores are floats."""
    corpus, queries, qrels = rows
    write(folder / "corpus.jsonl", corpus)
    write(folder / "queries.jsonl", queries)
    write(folder / f"qrels/{split}.jsonl", floats(qrels))


def parquet(folder: Path, rows: tuple[Rows, Rows, Rows], split: str = "test", front: str = "") -> None:
    """As mteb has other sets: scores are whole numbers."""
    for name, table in zip(
        (f"{front}corpus", f"{front}queries", f"{front}qrels" if front else "data"), rows, strict=True
    ):
        write(folder / name / f"{split}-00000-of-00001.parquet", table)


NFCORPUS = Counts(3633, 323, 12334)


def test_a_set_of_mteb_and_one_of_beir_are_the_same_benchmark(tmp_path: Path) -> None:
    rows = of_size(NFCORPUS)
    json_lines(tmp_path / "a/mteb/nfcorpus", rows)
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
    json_lines(tmp_path / "mteb/nfcorpus", ([row for row in corpus if row["_id"] in kept][:-1], queries, qrels))
    with pytest.raises(UserError, match=r"qrels/test\.jsonl:\d+: there is no document '.*' in its file"):
        load_benchmark("beir-nfcorpus", "test", tmp_path)
    json_lines(tmp_path / "mteb/nfcorpus", (corpus, queries, qrels[:-1]))
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
    json_lines(tmp_path / "mteb/arguana", (corpus, argued, shifted))
    built = load_benchmark("beir-arguana", "test", tmp_path)
    assert [built.ignored[q].tolist() for q in range(3)] == [[0], [1], [2]]


def test_msmarco_is_judged_by_its_dev_split_and_its_hard_version_by_test(tmp_path: Path) -> None:
    rows = of_size(Counts(8812, 43, 4102))
    json_lines(tmp_path / "mteb/MSMARCO_test_top_250_only_w_correct-v2", rows)
    assert len(load_benchmark("beir-msmarco-hard", "test", tmp_path).query_texts) == 43
    json_lines(tmp_path / "mteb/msmarco", rows, "dev")
    with pytest.raises(UserError, match=r"msmarco has 8,812 documents in en where 8,841,823 are published"):
        load_benchmark("beir-msmarco", "test", tmp_path)


def test_a_later_version_is_another_benchmark(tmp_path: Path) -> None:
    json_lines(tmp_path / "mteb/climate-fever-v2", of_size(Counts(7675, 1535, 5732)))
    assert load_benchmark("beir-climate-fever-v2", "test", tmp_path).name == "beir-climate-fever-v2"


def test_forums_of_cqadupstack_are_read_and_one_has_another_id(tmp_path: Path) -> None:
    json_lines(tmp_path / "mteb/cqadupstack-mathematica", of_size(Counts(16705, 804, 1358)))
    json_lines(tmp_path / "mteb/CQADupstackAndroidRetrieval", of_size(Counts(22998, 699, 1696)))
    for forum, queries in (("mathematica", 804), ("android", 699)):
        assert len(load_benchmark(f"cqadupstack-{forum}", "test", tmp_path).query_texts) == queries


def test_polish_sets_are_read(tmp_path: Path) -> None:
    parquet(tmp_path / "mteb/NFCorpus-PL", of_size(NFCORPUS))
    assert load_benchmark("beir-pl-nfcorpus", "test", tmp_path).languages == ("pl",)
    parquet(tmp_path / "mteb/CQADupstack-Mathematica-PL", of_size(Counts(16705, 804, 1358)))
    assert len(load_benchmark("cqadupstack-pl-mathematica", "test", tmp_path).query_texts) == 804


def test_nano_beir_is_parallel_and_read_in_the_languages_that_are_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "mteb/MultilingualNanoSCIDOCSRetrieval"
    for language in ("sv", "ko"):
        parquet(folder, of_size(Counts(2210, 50, 244)), front=f"{language}-")
    built = load_benchmark("nano-beir-scidocs:sv,ko", "test", tmp_path)
    assert (built.name, built.languages) == ("nano-beir-scidocs:ko,sv", ("ko", "sv"))
    assert (len(built.parallel_ids), len(built.query_texts)) == (50, 100)
    assert len(built.relevant) == 2 * 2 * 244, "a relevant document is relevant in every language"
    with pytest.raises(UserError, match=r"has no judgements: expected a file or folder called ar-qrels"):
        load_benchmark("nano-beir-scidocs", "test", tmp_path)


def test_names_and_collections_are_consistent() -> None:
    assert not BENCHMARKS.keys() & COLLECTIONS.keys()
    for collection in COLLECTIONS.values():
        assert len(set(collection.members)) == len(collection.members)
        assert set(collection.members) <= BENCHMARKS.keys()
    assert benchmark_names(["atlas", "cqadupstack", "xquad-r"]) == (
        "atlas", *COLLECTIONS["cqadupstack"].members, "xquad-r",
    )  # fmt: skip
    assert (len(COLLECTIONS["cqadupstack"].members), len(COLLECTIONS["nano-beir"].members)) == (12, 13)
    assert "beir-msmarco" not in COLLECTIONS["beir"].members


def test_every_source_can_be_named_in_metrics_and_reports_measures_that_exist() -> None:
    for name, source in BENCHMARKS.items():
        chosen_measures(source.measures)
        for asked in (name, f"{name}:{','.join(source.languages[:2])}" if source.languages else name):
            metric = MetricName(asked, "cross-lingual", "ndcg@10", query_language="sw", pool_language="ko")
            assert MetricName.parse(str(metric)) == metric


def test_languages_are_asked_of_sets_that_have_several() -> None:
    with pytest.raises(UserError, match="The benchmark beir-scifact is one whole: ask for it without languages"):
        load_benchmark("beir-scifact:en", "test")
    with pytest.raises(UserError, match="Unknown language of miracl 'swa': did you mean sw"):
        load_benchmark("miracl:swa", "test")


def test_revisions_are_pinned_by_commit() -> None:
    """Facts are written by hand: a digit too few is a branch that does not exist."""
    sources = Path(__file__).parents[4] / "trainables/corpora/sources"
    for path in (
        sources / f"{name}.py" for name in ("beir", "beir_pl", "cqadupstack", "nano_beir", "miracl", "dureader")
    ):
        for text in re.findall(r'"([0-9a-f]{30,})"', path.read_text()):
            assert len(text) in (40, 64)
