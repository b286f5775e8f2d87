from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import mteb_parquet, of_size
from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError


def test_nano_beir_is_parallel_and_read_in_the_languages_that_are_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "mteb/MultilingualNanoSCIDOCSRetrieval"
    for language in ("sv", "ko"):
        mteb_parquet(folder, of_size(Counts(2210, 50, 244)), front=f"{language}-")
    built = load_benchmark("nano-beir-scidocs:sv,ko", "test", tmp_path)
    assert (built.name, built.languages) == ("nano-beir-scidocs:ko,sv", ("ko", "sv"))
    assert (len(built.parallel_ids), len(built.query_texts)) == (50, 100)
    assert len(built.relevant) == 2 * 2 * 244, "a relevant document is relevant in every language"
    with pytest.raises(UserError, match=r"has no judgements: expected a file or folder called ar-qrels"):
        load_benchmark("nano-beir-scidocs", "test", tmp_path)
