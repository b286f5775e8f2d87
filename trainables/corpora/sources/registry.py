"""The benchmarks and training sets that can be asked for by name, and how they are loaded.

A benchmark is always asked for by name. A training set may also be a file of pairs or a folder of them.
"""

from collections.abc import Container, Sequence
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.pair_files import load_pair_set
from trainables.corpora.pair_paths import PairSet, find_pair_files, pair_sets
from trainables.corpora.pairs import PairItem
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


def load_training(names: Sequence[str], data_dir: Path | None = None) -> dict[str, list[PairItem]]:
    """Loads one or several training sets.

    >>> sets = load_training(["atlas"])
    >>> sets["atlas"][0].query["en"]
    'Which currency is used in the territory of Andorra?'

    Args:
        names: each a name of `TRAINING_SOURCES`, a pair file, or a folder for all pair files in it. Paths may be
            relative to the working directory or else to `data_dir`, and may leave out the suffix.
        data_dir: folder with local copies of data.

    Returns:
        The items by name of the set, in the order of `names`. The set of a file is called after it, with -2, -3, ...
        where that name is taken; the shards of one set are one set (see `pair_sets`).

    Raises:
        UserError: a name is nothing of these, a set is named twice, or a file breaks a rule.
    """
    if not names:
        raise UserError(
            f"No training set is named: name {', '.join(TRAINING_SOURCES)}, a pair file or a folder of them."
        )
    named_by: dict[str, str] = {}
    origins: list[str | Path] = []
    for name in names:
        for origin in [name] if name in TRAINING_SOURCES else _pair_files(name, data_dir):
            place = str(origin.resolve()) if isinstance(origin, Path) else origin
            if place in named_by:
                raise UserError(
                    f"The training set {origin} is named twice, by {named_by[place]!r} and {name!r}: drop one."
                )
            named_by[place] = name
            origins.append(origin)
    sets_of_files = {file: one for one in pair_sets(o for o in origins if isinstance(o, Path)) for file in one.files}
    sets: dict[str, list[PairItem]] = {}
    for one in dict.fromkeys(sets_of_files[o] if isinstance(o, Path) else o for o in origins):
        if isinstance(one, PairSet):
            # A file called like a set of the registry is another set.
            sets[_free_name(one.name, {*sets, *TRAINING_SOURCES})] = load_pair_set(one.files)
        else:
            sets[one] = TRAINING_SOURCES[one].load(data_dir)
    return sets


def _pair_files(name: str, data_dir: Path | None) -> list[Path]:
    places = [Path(name).expanduser(), *([] if data_dir is None else [data_dir / name])]
    for place in places:
        if files := find_pair_files(place):
            return files
    raise UserError(
        f"Unknown training set {name!r}: it is not built in ({', '.join(TRAINING_SOURCES)} is), and there is no such "
        f"folder or pair file, with or without suffix, at {' or '.join(str(place.absolute()) for place in places)}."
    )


def _free_name(name: str, taken: Container[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
