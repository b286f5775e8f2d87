from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.mupler import PUBLISHED
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics

SET = replace(PUBLISHED, languages=dict.fromkeys(("el", "fi"), Counts(documents=3, queries=2, relevant=2)))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for language in ("el", "fi"):
        tables = {
            "corpus": {"id": ["d1", "d2", "d3"], "text": [f"{language} {n}" for n in "123"], "title": ["", "", ""]},
            "queries": {"id": ["q1", "q2"], "text": [f"{language} eka?", f"{language} toka?"]},
            "qrels": {"query-id": ["q1", "q2"], "corpus-id": ["d3", "d1"], "score": [1, 1]},
        }
        for name, columns in tables.items():
            path = tmp_path / f"mteb/MuPLeR-retrieval/{language}-{name}/test-00000-of-00001.parquet"
            path.parent.mkdir(parents=True)
            pq.write_table(pa.table(columns), path)
    return tmp_path


def test_questions_and_passages_are_parallel(copy: Path) -> None:
    built = SET.load((), copy)
    assert built.languages == ("el", "fi")
    assert built.parallel_ids == ("q1", "q2")
    relevant = [built.candidate_ids[c] for c in built.relevant[: built.relevant_start[1]]]
    assert relevant == ["el:d3", "fi:d3"]
    assert "rank_distance" in {name.measure for name in available_metrics(built)}


def test_there_are_200_questions_and_10000_passages_in_14_languages(copy: Path) -> None:
    assert len(PUBLISHED.languages) == 14
    with pytest.raises(UserError, match="3 documents in fi where 10,000 are published"):
        load_benchmark("mupler:fi", "test", copy)
