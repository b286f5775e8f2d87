"""The benchmarks and training sets that can be asked for by name, and how benchmarks are loaded.

A benchmark may also be somebody's own, a folder or a repository of the hub. Training sets, which may be files, are
loaded by `trainables.corpora.training_sets`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.retrieval.own import own_benchmark
from trainables.corpora.retrieval.published import with_languages
from trainables.corpora.sources import (
    atlas,
    beir,
    beir_pl,
    belebele,
    cqadupstack,
    dureader,
    miracl,
    mlqa_r,
    multi30k,
    mupler,
    nano_beir,
    pictograms,
    wit,
    xflickrco,
    xm3600,
    xquad_r,
    xtd10,
)
from trainables.corpora.sources.base import BenchmarkSource, Collection, Source, TrainingSource
from trainables.errors import UserError, unknown_name
from trainables.home import with_home
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
        *miracl.BENCHMARKS,
        *dureader.BENCHMARKS,
        *beir.BENCHMARKS,
        *cqadupstack.BENCHMARKS,
        *beir_pl.BENCHMARKS,
        *nano_beir.BENCHMARKS,
        belebele.BENCHMARK,
        mupler.BENCHMARK,
        *pictograms.BENCHMARKS,
        *xm3600.BENCHMARKS,
        *xflickrco.BENCHMARKS,
        *wit.BENCHMARKS,
        *multi30k.BENCHMARKS,
        *xtd10.BENCHMARKS,
    ],
)

COLLECTIONS: Registry[Collection] = Registry(
    "collection of benchmarks",
    lambda collection: collection.name,
    [
        beir.COLLECTION,
        beir.HARD_NEGATIVES,
        beir.VERSION_2,
        cqadupstack.COLLECTION,
        *beir_pl.COLLECTIONS,
        nano_beir.COLLECTION,
        pictograms.COLLECTION,
        xm3600.COLLECTION,
        xflickrco.COLLECTION,
        wit.COLLECTION,
        multi30k.COLLECTION,
        xtd10.COLLECTION,
    ],
)
"""Benchmarks that are asked for together."""

TRAINING_SOURCES: Registry[TrainingSource] = Registry(
    "training set",
    _name,
    [
        atlas.TRAINING,
        pictograms.TRAINING,
    ],
)

EMBEDDED = atlas.NAME
"""The benchmark and the training set that need neither files nor a connection: what a study uses by default."""


def benchmark_names(names: Iterable[str]) -> tuple[str, ...]:
    """The same names, each collection in place of its benchmarks.

    >>> benchmark_names(["multi30k", "atlas"])
    ('multi30k-text-to-image', 'multi30k-image-to-text', 'atlas')
    """
    found: list[str] = []
    for name in names:
        found += benchmark_names(COLLECTIONS[name].members) if name in COLLECTIONS else [name]
    return tuple(found)


def asked_collections(names: Iterable[str]) -> tuple[Collection, ...]:
    """The collections among these names and those inside of them, smaller ones first."""
    found: dict[str, Collection] = {}
    for name in names:
        if name in COLLECTIONS:
            found |= {one.name: one for one in asked_collections(COLLECTIONS[name].members)}
            found[name] = COLLECTIONS[name]
    return tuple(found.values())


def find_benchmark(name: str, data_dir: Path | None = None) -> BenchmarkSource:
    """The benchmark of a name: what is known of it before it is loaded.

    >>> find_benchmark("atlas").licence
    'Unicode-3.0'

    Args:
        name: a name of `BENCHMARKS`, which may choose among its languages (`miracl:sw,ko`); a folder, with its language
            behind a colon if nothing else says it (`own:en`); or `hub:org/name[@revision]`, likewise.
        data_dir: folder with local copies of data, in which a folder may lie.

    Raises:
        UserError: it is nothing of these, or not in these languages.
    """
    known, colon, written = name.partition(":")
    if known in BENCHMARKS:
        source = BENCHMARKS[known]
        return _in_languages(source, [one.strip() for one in written.split(",")]) if colon else source
    own = own_benchmark(name, data_dir)
    if own is None and with_home(known).is_file():
        raise UserError(
            f"--evaluate {name} is a file: a benchmark is a folder with a corpus, queries and judgements "
            "(corpus.jsonl, queries.jsonl, qrels/test.tsv); name the folder."
        )
    if own is None:
        places = [with_home(name).absolute(), *([] if data_dir is None else [data_dir / name])]
        near = get_close_matches(known, [*BENCHMARKS, *COLLECTIONS], n=3, cutoff=0.4)
        raise UserError(
            f"Unknown benchmark {name!r}: there is no folder {' or '.join(map(str, places))}, and --list has no "
            f"such name{': did you mean ' + ' or '.join(near) + '?' if near else '.'}"
        )
    if own.name in BENCHMARKS:
        raise UserError(f"{name} would be called like the benchmark {own.name!r} of --list: rename its folder.")
    return own


def _in_languages(source: BenchmarkSource, languages: Sequence[str]) -> BenchmarkSource:
    load = source.load_languages
    if load is None:
        raise UserError(f"The benchmark {source.name} is one whole: ask for it without languages.")
    for language in languages:
        if language not in source.languages:
            raise unknown_name(f"language of {source.name}", language, source.languages)
    chosen = sorted(set(languages))
    return replace(source, name=with_languages(source.name, chosen), load=lambda _, data_dir: load(chosen, data_dir))


def load_benchmark(name: str, split: str, data_dir: Path | None = None) -> Benchmark:
    """Loads a benchmark.

    >>> test = load_benchmark("atlas", "test")
    >>> test.name, len(test.query_texts), test.languages[:3]
    ('atlas-test', 1650, ('ar', 'de', 'el'))

    Args:
        name: as `find_benchmark` takes it.
        split: `dev` or `test`, where the benchmark has it.
        data_dir: folder with local copies of data; without it, what is not built in is fetched.

    Raises:
        UserError: the name or the split is unknown, files are missing or wrong, or what is loaded has another name.
    """
    source = find_benchmark(name, data_dir)
    if split not in source.splits:
        raise unknown_name(f"split of benchmark {name}", split, source.splits)
    loaded = source.load(split, data_dir)
    if loaded.name not in (source.name, f"{source.name}-{split}"):
        raise UserError(
            f"The benchmark {source.name!r} is called {loaded.name!r} once it is loaded, so that its results would "
            f"pass for those of another one: let its loader call it {source.name!r}."
        )
    return loaded
