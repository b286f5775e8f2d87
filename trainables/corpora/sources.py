"""The benchmarks and training sets that can be asked for by name."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.lareqa import MLQA_R, XQUAD_R
from trainables.corpora.pair_files import PAIR_FILE_SUFFIXES, load_pair_file, pair_file_suffix
from trainables.corpora.pairs import PairItem
from trainables.errors import UserError, unknown_name


@dataclass(frozen=True)
class BenchmarkSource:
    """Where a benchmark comes from; `load` takes one of `splits` and the data folder, if there is one."""

    description: str
    splits: tuple[str, ...]
    load: Callable[[str, Path | None], Benchmark]


@dataclass(frozen=True)
class TrainingSource:
    """Where a training set comes from; `load` takes the data folder, if there is one."""

    description: str
    load: Callable[[Path | None], list[PairItem]]


def _atlas_benchmark(split: str, data_dir: Path | None) -> Benchmark:
    from trainables.corpora.atlas import atlas_benchmark

    return atlas_benchmark("dev" if split == "dev" else "test")


def _atlas_training(data_dir: Path | None) -> list[PairItem]:
    from trainables.corpora.atlas import atlas_training

    return list(atlas_training())


BENCHMARKS: Mapping[str, BenchmarkSource] = {
    "atlas": BenchmarkSource(
        "facts about territories from CLDR, 11 languages, built in", ("dev", "test"), _atlas_benchmark
    ),
    "xquad-r": BenchmarkSource(
        "LAReQA XQuAD-R: 1,190 questions in 11 languages, 13,014 sentences (CC BY-SA 4.0)",
        ("test",),
        lambda split, data_dir: XQUAD_R.load(data_dir),
    ),
    "mlqa-r": BenchmarkSource(
        "LAReQA MLQA-R: 1,148 questions in 2 to 4 of 7 languages, 20,534 sentences (CC BY-NC 4.0)",
        ("test",),
        lambda split, data_dir: MLQA_R.load(data_dir),
    ),
}

TRAINING_SOURCES: Mapping[str, TrainingSource] = {
    "atlas": TrainingSource("facts about territories from CLDR, 11 languages, built in", _atlas_training),
}


def load_benchmark(name: str, split: str, data_dir: Path | None) -> Benchmark:
    """Returns a benchmark of `BENCHMARKS`; raises UserError for an unknown name or split, or missing files."""
    if name not in BENCHMARKS:
        raise unknown_name("benchmark", name, BENCHMARKS)
    source = BENCHMARKS[name]
    if split not in source.splits:
        raise unknown_name(f"split of benchmark {name}", split, source.splits)
    return source.load(split, data_dir)


def load_training(names: Sequence[str], data_dir: Path | None) -> dict[str, list[PairItem]]:
    """Returns the items of one or several training sets by set name, in the order of `names`.

    A name is one of `TRAINING_SOURCES`, a pair file, or a folder for all pair files in it; paths may be relative to
    the working directory or else to `data_dir`, and may leave out the suffix. A file's set is called after it, with
    -2, -3, ... where that is taken. Raises UserError for a name that is nothing of these, and for a set named twice.
    """
    if not names:
        raise UserError(
            f"No training set is named: name {', '.join(TRAINING_SOURCES)}, a pair file or a folder of them."
        )
    sets: dict[str, list[PairItem]] = {}
    named_by: dict[str, str] = {}
    for name in names:
        for origin in [name] if name in TRAINING_SOURCES else _pair_files(name, data_dir):
            place = str(origin.resolve()) if isinstance(origin, Path) else origin
            if place in named_by:
                raise UserError(
                    f"The training set {origin} is named twice, by {named_by[place]!r} and {name!r}: drop one."
                )
            named_by[place] = name
            if isinstance(origin, Path):
                # A file called like a built-in set is another set.
                sets[_free_name(_stem(origin), {*sets, *TRAINING_SOURCES})] = load_pair_file(origin)
            else:
                sets[_free_name(origin, sets)] = TRAINING_SOURCES[origin].load(data_dir)
    return sets


def _pair_files(name: str, data_dir: Path | None) -> list[Path]:
    places = [Path(name).expanduser()]
    if data_dir is not None:
        places.append(data_dir / name)
    for place in places:
        if place.is_dir():
            return _files_in(place, name)
        if place.is_file():
            return [place]
        with_suffix = [path for suffix in PAIR_FILE_SUFFIXES if (path := Path(f"{place}{suffix}")).is_file()]
        if len(with_suffix) > 1:
            raise UserError(f"The training set {name!r} may be {' or '.join(map(str, with_suffix))}: add the suffix.")
        if with_suffix:
            return with_suffix
    raise UserError(
        f"Unknown training set {name!r}: it is not built in ({', '.join(TRAINING_SOURCES)} is), and there is no such "
        f"folder or pair file, with or without suffix, at {' or '.join(str(place.absolute()) for place in places)}."
    )


def _files_in(folder: Path, name: str) -> list[Path]:
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if pair_file_suffix(path) is None or path.name.startswith("."):
            continue
        if _stem(path) in by_stem:
            raise UserError(
                f"{by_stem[_stem(path)]} and {path.name} look like one training set in two formats: name one of them."
            )
        by_stem[_stem(path)] = path
    if not by_stem:
        raise UserError(
            f"The folder {folder} (training set {name!r}) has no pair file ({', '.join(PAIR_FILE_SUFFIXES)})."
        )
    return list(by_stem.values())


def _stem(path: Path) -> str:
    return path.name.removesuffix(pair_file_suffix(path) or "")


def _free_name(name: str, taken: Container[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
