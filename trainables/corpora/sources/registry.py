"""The benchmarks and training sets that can be asked for by name, and how benchmarks are loaded.

Training sets, which may also be files, are loaded by `trainables.corpora.training_sets`.
"""

from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources import atlas, mlqa_r, xquad_r
from trainables.corpora.sources.base import BenchmarkSource, Source, TrainingSource
from trainables.errors import UserError, unknown_name
from trainables.registry import Registry


def _name(source: Source) -> str:
    return source.name


BENCHMARKS: Registry[BenchmarkSource] = Registry(
    "benchmark",
    _name,
    [
        atlas.BENCHMARK,
        xquad_r.BENCHMARK,
        mlqa_r.BENCHMARK,
    ],
)

TRAINING_SOURCES: Registry[TrainingSource] = Registry(
    "training set",
    _name,
    [
        atlas.TRAINING,
    ],
)

EMBEDDED = atlas.NAME
"""The benchmark and the training set that need neither files nor a connection: what a study uses by default."""


def load_benchmark(name: str, split: str, data_dir: Path | None = None) -> Benchmark:
    """Loads a benchmark of `BENCHMARKS`.

    >>> test = load_benchmark("atlas", "test")
    >>> test.name, len(test.query_texts), test.languages[:3]
    ('atlas-test', 1650, ('ar', 'de', 'el'))

    Args:
        name: a name of `BENCHMARKS`.
        split: `dev` or `test`, where the benchmark has it.
        data_dir: folder with local copies of data; without it, what is not built in is fetched.

    Raises:
        UserError: the name or the split is unknown, files are missing or wrong, or what is loaded has another name.
    """
    source = BENCHMARKS.find(name)
    if split not in source.splits:
        raise unknown_name(f"split of benchmark {name}", split, source.splits)
    loaded = source.load(split, data_dir)
    if loaded.name not in (name, f"{name}-{split}"):
        raise UserError(
            f"The benchmark {name!r} is called {loaded.name!r} once it is loaded, so that its results would pass for "
            f"those of another one: let its loader call it {name!r}."
        )
    return loaded
