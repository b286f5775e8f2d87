"""A benchmark is the same whether its candidates come as a list or in columns, and wherever their texts lie."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.corpora import texts as texts_module
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.candidates import CandidateWriter

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
CANDIDATE = st.builds(Candidate, TEXT, st.sampled_from(["de", "en", "zu"]), TEXT)
POOL = st.lists(CANDIDATE, min_size=1, max_size=20, unique_by=lambda candidate: candidate.id)


def in_columns(pool: list[Candidate], folder: Path | None = None) -> Benchmark:
    writer = CandidateWriter(folder)
    for candidate in pool:
        writer.add(candidate.id, candidate.language, candidate.text)
    return benchmark("toy", [Query("q", "en", "?")], writer.candidates(), [[0]])


@settings(max_examples=25)
@given(POOL)
def test_a_list_and_columns_are_one_benchmark(pool: list[Candidate]) -> None:
    one, other = benchmark("toy", [Query("q", "en", "?")], pool, [[0]]), in_columns(pool)
    assert one.fingerprint == other.fingerprint
    assert one.languages == other.languages == tuple(sorted({"en", *(c.language for c in pool)}))
    for built in (one, other):
        found = zip(built.candidate_ids, built.candidate_language, built.candidate_texts, strict=True)
        assert [Candidate(identifier, built.languages[n], text) for identifier, n, text in found] == pool


@settings(max_examples=25)
@given(POOL)
def test_ids_descend_as_their_bytes_do(pool: list[Candidate]) -> None:
    descending = sorted((c.id for c in pool), key=str.encode, reverse=True)
    assert in_columns(pool).id_order.tolist() == [descending.index(c.id) for c in pool]


def test_what_records_call_a_benchmark_stays_what_it_was() -> None:
    queries = [
        Query("capital", "de", "Hauptstadt?"),
        Query("capital", "en", "Capital?"),
        Query("river", "en", "River?", group="g"),
    ]
    candidates = [
        Candidate("d1", "de", "Rom"),
        Candidate("e1", "en", "Rome"),
        Candidate("ä|2", "zu", ""),
        Candidate("e2", "en", "Rome"),
    ]
    judged = [{0: 1, 1: 2, 2: 0}, {0: 1, 1: 2}, [3]]
    built = benchmark("toy", queries, candidates, judged, ignored=[[], [3], []])
    assert built.fingerprint == "1827c2869b242a8ce27bf3340d99420b6e755796ef278f8b0866934a6e69d32f"
    assert built.id_order.tolist() == [3, 2, 0, 1]


def test_texts_of_many_candidates_lie_in_a_file_and_their_ids_can_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = [Candidate(f"p{n}", "en", f"passage {n % 90}") for n in range(200)]
    in_memory = in_columns(pool)
    monkeypatch.setattr(texts_module, "_IN_MEMORY", 100)
    in_file = in_columns(pool, tmp_path / "texts")
    assert (tmp_path / "texts").is_dir(), "no text was too many"
    assert in_file.fingerprint == in_memory.fingerprint
    assert in_file.candidate_texts == in_memory.candidate_texts
    with pytest.raises(TypeError):
        pickle.dumps(in_file.candidate_texts)
    assert pickle.loads(pickle.dumps(in_file.candidate_ids)) == [c.id for c in pool]  # noqa: S301
    assert np.array_equal(in_file.candidate_language, in_memory.candidate_language)
