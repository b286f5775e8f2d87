from pathlib import Path

from tests.trainables.corpora.retrieval.toy_files import mteb_parquet, of_size
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import load_benchmark

NFCORPUS = Counts(3633, 323, 12334)


def test_polish_sets_are_read(tmp_path: Path) -> None:
    mteb_parquet(tmp_path / "mteb/NFCorpus-PL", of_size(NFCORPUS))
    assert load_benchmark("beir-pl-nfcorpus", "test", tmp_path).languages == ("pl",)
    mteb_parquet(tmp_path / "mteb/CQADupstack-Mathematica-PL", of_size(Counts(16705, 804, 1358)))
    assert len(load_benchmark("cqadupstack-pl-mathematica", "test", tmp_path).query_texts) == 804
