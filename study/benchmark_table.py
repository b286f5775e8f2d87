"""The table of benchmarks in docs/benchmarks.md, from the registry; `python -m study.benchmark_table` prints it."""

from trainables.corpora.sources.base import BenchmarkSource
from trainables.corpora.sources.registry import BENCHMARKS, COLLECTIONS


def table() -> str:
    """Every benchmark with what it is, where its files are from and its licence, as Markdown."""
    rows = ["| name | what | files | licence |", "|---|---|---|---|", *(_row(source) for source in BENCHMARKS.values())]
    rows += ["", "| collection | what | benchmarks |", "|---|---|---|"]
    rows += [f"| `{name}` | {one.description} | {len(one.members)} |" for name, one in COLLECTIONS.items()]
    return "\n".join(rows) + "\n"


def _row(source: BenchmarkSource) -> str:
    return f"| `{source.name}` | {source.description} | {source.origin or 'built in'} | {source.terms} |"


if __name__ == "__main__":
    print(table(), end="")
