"""Files in the layouts in which retrieval sets are published, and what a benchmark that was read from them holds."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.retrieval.build import Counts

Rows = Sequence[Mapping[str, Any]]

CORPUS: Rows = (
    {"_id": "d1", "title": "Rome", "text": "It is in Italy. "},
    {"_id": "d2", "title": "", "text": " Paris is in France."},
    {"_id": "d3", "title": "Bonn", "text": "It was a capital."},
)
QUERIES: Rows = (
    {"_id": "q1", "text": "Where is Rome?"},
    {"_id": "q2", "text": "Nobody judged this."},
    {"_id": "q3", "text": "Which city was a capital? "},
)
QRELS: Rows = (
    {"query-id": "q1", "corpus-id": "d1", "score": 1},
    {"query-id": "q1", "corpus-id": "d2", "score": 0},
    {"query-id": "q3", "corpus-id": "d3", "score": 2},
    {"query-id": "q3", "corpus-id": "d1", "score": 1},
)
READ = {
    "candidates": [("d1", "Rome It is in Italy."), ("d2", "Paris is in France."), ("d3", "Bonn It was a capital.")],
    "queries": [("q1", "Where is Rome?"), ("q3", "Which city was a capital? ")],
    "judgements": [{"d1": 1, "d2": 0}, {"d1": 1, "d3": 2}],
    "unjudged": 1,
}
"""What every layout of these rows is read as."""


def floats(rows: Rows) -> Rows:
    """The same judgements with float scores, as some sets have them."""
    return [{**row, "score": float(row["score"])} for row in rows]


def renamed(rows: Rows, names: Mapping[str, str]) -> Rows:
    """The same rows, with other names of columns; a column without a name is left out."""
    return [{names[key]: value for key, value in row.items() if key in names} for row in rows]


def write(path: Path, rows: Rows) -> Path:
    """Writes a table in the format that the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return path
    if ".tsv" in path.suffixes:
        lines: Iterable[str] = ("\t".join(map(str, cells)) for cells in [list(rows[0]), *(r.values() for r in rows)])
    else:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    return write_text(path, "".join(f"{line}\n" for line in lines))


def write_text(path: Path, text: str) -> Path:
    """Writes a text, gzipped if the suffix says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def beir_folder(folder: Path, suffix: str = ".jsonl", split: str = "test") -> Path:
    """The toy rows as BEIR's archives have them."""
    write(folder / f"corpus{suffix}", CORPUS)
    write(folder / f"queries{suffix}", QUERIES)
    write(folder / f"qrels/{split}.tsv", QRELS)
    return folder


def read(built: Benchmark) -> dict[str, Any]:
    """What a benchmark holds, in the form of `READ`."""
    judgements = []
    for q in range(len(built.query_texts)):
        places = range(*built.relevant_start[q : q + 2])
        judged = {built.candidate_ids[built.relevant[n]]: int(built.grade[n]) for n in places}
        judgements.append(judged | {built.candidate_ids[c]: 0 for c in built.irrelevant[q].tolist()})
    ids = [built.parallel_ids[p] for p in built.query_parallel]
    return {
        "candidates": list(zip(built.candidate_ids, built.candidate_texts, strict=True)),
        "queries": list(zip(ids, built.query_texts, strict=True)),
        "judgements": judgements,
        "unjudged": built.unjudged_queries,
    }


def of_size(counts: Counts) -> tuple[Rows, Rows, Rows]:
    """(corpus, queries, judgements) of just the published counts, with one more query that nobody judged."""
    documents, queries, relevant = counts.documents or 9, counts.queries or 3, counts.relevant or counts.queries or 3
    corpus = [{"_id": f"d{n}", "title": "", "text": f"document {n}"} for n in range(documents)]
    asked = [{"_id": f"q{n}", "text": f"query {n}"} for n in range(queries + 1)]
    # Round after round every query gets another document.
    pairs = [(n % queries, (n + n // queries) % documents) for n in range(relevant)]
    judged = [{"query-id": f"q{q}", "corpus-id": f"d{d}", "score": 1} for q, d in pairs]
    return corpus, asked, judged


def mteb_json_lines(folder: Path, rows: tuple[Rows, Rows, Rows], split: str = "test") -> None:
    """As mteb has English sets: scores are floats."""
    corpus, queries, qrels = rows
    write(folder / "corpus.jsonl", corpus)
    write(folder / "queries.jsonl", queries)
    write(folder / f"qrels/{split}.jsonl", floats(qrels))


def mteb_parquet(folder: Path, rows: tuple[Rows, Rows, Rows], split: str = "test", front: str = "") -> None:
    """As mteb has other sets: scores are whole numbers."""
    for name, table in zip(
        (f"{front}corpus", f"{front}queries", f"{front}qrels" if front else "data"), rows, strict=True
    ):
        write(folder / name / f"{split}-00000-of-00001.parquet", table)
