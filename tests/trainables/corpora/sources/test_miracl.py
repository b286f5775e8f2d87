from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import of_size, write, write_text
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError

YORUBA = Counts(49043, 119, 144)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["miracl", "miracl-hard"])
def test_a_language_of_the_hubs_sets_is_read(tmp_path: Path, name: str) -> None:
    corpus, queries, qrels = of_size(YORUBA)
    folder = tmp_path / "mteb" / {"miracl": "MIRACLRetrieval", "miracl-hard": "MIRACLRetrievalHardNegatives"}[name]
    half = len(corpus) // 2
    write(folder / "yo-corpus/dev-00000-of-00002.parquet", corpus[:half])
    write(folder / "yo-corpus/dev-00001-of-00002.parquet", corpus[half:])
    write(folder / "yo-queries/dev-00000-of-00001.parquet", queries)
    write(folder / "yo-qrels/dev-00000-of-00001.parquet", qrels)
    built = load_benchmark(f"{name}:yo", "test", tmp_path)
    assert (built.name, built.languages) == (f"{name}:yo", ("yo",))
    (folder / "yo-corpus/dev-00001-of-00002.parquet").unlink()
    with pytest.raises(UserError, match="of the 00002 files of yo-corpus number 1 is not there"):
        load_benchmark(f"{name}:yo", "test", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("corpus_folder", ["miracl/miracl-corpus", "miracl-corpus", "miracl"])
def test_the_authors_release_keeps_judged_negatives(tmp_path: Path, corpus_folder: str) -> None:
    corpus, queries, qrels = of_size(YORUBA)
    rows = [{"docid": row["_id"], "title": "Yorùbá", "text": row["text"]} for row in corpus]
    for number in range(2):
        name = f"miracl-corpus-v1.0-yo/docs-{number}.jsonl.gz"
        write(tmp_path / corpus_folder / name, rows[number * 30_000 : (number + 1) * 30_000])
    topics = "miracl" if corpus_folder == "miracl" else "miracl/miracl"
    asked = "".join(f"{row['_id']}\t{row['text']}\n" for row in queries[:-1])
    judged = "".join(f"{row['query-id']}\tQ0\t{row['corpus-id']}\t1\n" for row in qrels)
    write_text(tmp_path / topics / "miracl-v1.0-yo/topics/topics.miracl-v1.0-yo-dev.tsv", asked)
    write_text(tmp_path / topics / "miracl-v1.0-yo/qrels/qrels.miracl-v1.0-yo-dev.tsv", f"{judged}q0\tQ0\td40000\t0\n")
    built = load_benchmark("miracl-original:yo", "test", tmp_path)
    assert built.irrelevant[0].tolist() == [40_000]
    assert built.candidate_texts[0] == "Yorùbá document 0"


def test_a_sample_is_not_taken_for_the_set(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "miracl").symlink_to(shared_data / "miracl-tydi-sample")
    with pytest.raises(UserError, match="has 1,687 documents in sw where 131,924 are published"):
        load_benchmark("miracl-original:sw", "test", tmp_path)
