"""What the tests of all benchmarks in LAReQA's format look up."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from trainables.corpora.benchmark import Benchmark


def per_language(benchmark: Benchmark, numbers: Any) -> dict[str, int]:
    """How often each language occurs in an array of language numbers."""
    return {language: int((numbers == position).sum()) for position, language in enumerate(benchmark.languages)}


def relevant_of(benchmark: Benchmark, query: int) -> list[int]:
    return benchmark.relevant[benchmark.relevant_start[query] : benchmark.relevant_start[query + 1]].tolist()


def sha256_of(folder: Path, language: str) -> str:
    """Of the file as it was published, before it was packed."""
    return hashlib.sha256(gzip.decompress((folder / f"{language}.json.gz").read_bytes())).hexdigest()


def bibliography_key(entry: str) -> str:
    """The key of a BibTeX entry."""
    return entry[entry.index("{") + 1 : entry.index(",")]


def assert_ids_are_unique(benchmark: Benchmark) -> None:
    assert len(set(benchmark.candidate_ids)) == len(benchmark.candidate_ids)
    keys = set(zip(benchmark.query_parallel.tolist(), benchmark.query_language.tolist(), strict=True))
    assert len(keys) == len(benchmark.query_texts)


def answers_over_a_sentence_end(benchmark: Benchmark, folder: Path) -> dict[str, int]:
    """Asserts that the relevant sentence of a query's own language holds its answer; counts answers that run over.

    Found by text, not by offset: the sentence holds the answer, or as much of it as does not run over the end.
    """
    crossing = dict.fromkeys(benchmark.languages, 0)
    gold: dict[tuple[str, str], str] = {}
    for query, (parallel, language) in enumerate(
        zip(benchmark.query_parallel.tolist(), benchmark.query_language.tolist(), strict=True)
    ):
        (own,) = [c for c in relevant_of(benchmark, query) if benchmark.candidate_language[c] == language]
        gold[benchmark.languages[language], benchmark.parallel_ids[parallel]] = benchmark.candidate_texts[own]
    for language in benchmark.languages:
        for article in json.loads(gzip.decompress((folder / f"{language}.json.gz").read_bytes()))["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    sentence, answer = gold[language, question["id"]], question["answers"][0]["text"]
                    assert sentence in paragraph["sentences"]
                    if answer in sentence or "\u00e2\u0081\u201e" in answer:  # mis-encoded in the answer only
                        continue
                    crossing[language] += 1
                    beginnings = {answer[:n].rstrip() for n in range(1, len(answer))} - {""}
                    assert any(sentence.rstrip().endswith(beginning) for beginning in beginnings)
    return crossing
