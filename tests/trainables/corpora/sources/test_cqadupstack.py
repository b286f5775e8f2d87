from pathlib import Path

from tests.trainables.corpora.retrieval.toy_files import mteb_json_lines, of_size
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import load_benchmark


def test_forums_of_cqadupstack_are_read_and_one_has_another_id(tmp_path: Path) -> None:
    mteb_json_lines(tmp_path / "mteb/cqadupstack-mathematica", of_size(Counts(16705, 804, 1358)))
    mteb_json_lines(tmp_path / "mteb/CQADupstackAndroidRetrieval", of_size(Counts(22998, 699, 1696)))
    for forum, queries in (("mathematica", 804), ("android", 699)):
        assert len(load_benchmark(f"cqadupstack-{forum}", "test", tmp_path).query_texts) == queries
