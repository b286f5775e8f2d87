"""The data of a study: training sets, dev set and test benchmarks, checked against each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from search_spaces.space import Space
from study.records import (
    TEXT_COLUMNS,
    BenchmarkRecord,
    CollectionRecord,
    DataRecord,
    OverlapExample,
    SetRecord,
    TrainingDataRecord,
)
from study.settings import StudySettings
from trainables.batches.config import BatchConfig
from trainables.batches.planner import BatchPlanner
from trainables.corpora.benchmark import IMAGE, Benchmark
from trainables.corpora.dev_split import split_dev
from trainables.corpora.images import Images
from trainables.corpora.items import Items, PairItem
from trainables.corpora.overlap import Overlap, drop_overlap, find_overlap
from trainables.corpora.pair_files import Asked, Seen
from trainables.corpora.pairs import TrainingData, training_data
from trainables.corpora.sources.base import BenchmarkSource, Collection
from trainables.corpora.sources.registry import (
    TRAINING_SOURCES,
    asked_collections,
    benchmark_names,
    find_benchmark,
    load_benchmark,
)
from trainables.corpora.training_sets import read_training
from trainables.corpora.workplace import working_at
from trainables.errors import UserError
from trainables.evaluation.evaluate import METRIC_DEFINITION
from trainables.evaluation.tie_rule import TieRule
from trainables.inert import inert
from trainables.watch import Watch, unwatched


@dataclass(frozen=True, eq=False)
class StudyData:
    """Training data, the dev set that chooses, and the benchmarks that judge."""

    training: TrainingData
    dev: Benchmark
    tests: tuple[Benchmark, ...]
    overlap: Overlap
    held_out: int
    """Items of the training sets that are the dev set."""
    left_out: tuple[tuple[str, str], ...]
    """Training sets that cannot fill a batch of every size, each with the reason."""
    sources: Mapping[str, BenchmarkSource]
    """What is known of each benchmark, by its name."""
    collections: tuple[Collection, ...]
    """Those that were asked for, smaller ones first."""
    languages_left_out: tuple[tuple[str, str], ...]
    """Languages in which no set can fill a monolingual batch of every size, each with the reason."""
    items_in_use: int
    """Items that batches of every size can hold."""
    ties: TieRule
    """How equal scores rank in every evaluation."""
    seen: Mapping[str, Seen]
    """How files of training sets were understood, by name of the set."""
    first_items: Mapping[str, PairItem]
    """The first item of each training set."""
    items_with_negatives: int
    """Items whose explicit negatives batches can hold."""

    @property
    def measures(self) -> tuple[str, ...]:
        """What the authors of the benchmarks report."""
        return tuple(dict.fromkeys(measure for source in self.sources.values() for measure in source.measures))

    @property
    def languages_not_trained(self) -> tuple[str, ...]:
        """Languages of benchmarks in which there is no training text."""
        judged = {language for test in self.tests for language in test.languages}
        return tuple(sorted(judged - {*self.training.languages, IMAGE}))

    def record(self) -> DataRecord:
        """The `data` part of study.json."""
        left_out = dict(self.left_out)
        sizes = [int((self.training.set_of_item == i).sum()) for i in range(len(self.training.set_names))]
        return DataRecord(
            training=TrainingDataRecord(
                fingerprint=self.training.fingerprint,
                languages=self.training.languages,
                groups=self.training.groups,
                groups_in_files=self.training.groups_in_files,
                items_in_use=self.items_in_use,
                sets=tuple(
                    _set_record(name, size, left_out.get(name), self.seen.get(name))
                    for name, size in zip(self.training.set_names, sizes, strict=True)
                ),
                languages_left_out=self.languages_left_out,
                negatives=len(self.training.negatives),
                negatives_dropped=self.training.negatives.dropped,
                items_with_negatives=self.items_with_negatives,
            ),
            dev=_benchmark_record(self.dev, self.ties),
            benchmarks={test.name: _benchmark_record(test, self.ties, self.sources[test.name]) for test in self.tests},
            collections={
                one.name: CollectionRecord(members=one.members, shares_questions=one.shares_questions)
                for one in self.collections
            },
            overlap=self.overlap.counts(),
            overlap_negatives=self.overlap.negative_counts(),
            overlap_examples={
                one.name: tuple(
                    OverlapExample(training=inert(met.training), evaluation=inert(met.evaluation))
                    for met in self.overlap.examples(one.name)
                )
                for one in (*self.tests, self.dev)
                if self.overlap.of_benchmark(one.name)
            },
        )


def load_data(
    settings: StudySettings,
    space: Space,
    batches: Sequence[BatchConfig],
    cache: Path | None = None,
    watch: Watch = unwatched,
) -> StudyData:
    """Loads and checks everything that a study trains on and is judged by.

    A training set may bring a dev benchmark of its own; of others whole groups are held out as the dev set. Items that
    share text with an evaluation set are dropped unless the settings keep them.

    Args:
        settings: names of training sets and benchmarks, the data folder, whether overlapping items are kept.
        space: training sets and benchmarks where the settings name none.
        batches: every form of batch that the study trains; each must be filled.
        cache: folder on this machine for texts that are too many for memory; None: all in memory.
        watch: shows how far it is.

    Raises:
        UserError: a mistake in names or files, or data that fill no batch.
    """
    if settings.data_dir is not None and not settings.data_dir.is_dir():
        raise UserError(f"--data-dir {settings.data_dir}: there is no such folder; give the one with the data sets.")
    names = benchmark_names(settings.evaluate or space.benchmarks)
    sources = [find_benchmark(name, settings.data_dir) for name in names]
    twice = [name for name, count in Counter(source.name for source in sources).items() if count > 1]
    if twice:
        raise UserError(f"--evaluate {twice[0]} is given twice: its questions would count twice; give it once.")
    with working_at(cache, watch):
        tests = tuple(load_benchmark(name, "test", settings.data_dir) for name in names)
        trained = _trained_on(settings, space, tests, cache, watch)
    training = trained.training
    planners = [_checked_planner(training, one) for one in batches]
    # What fills no batch is told at the largest batch, which asks for most.
    largest = max(planners, key=lambda planner: planner.batch_size)
    return StudyData(
        training=training,
        dev=trained.dev,
        tests=tests,
        overlap=trained.overlap,
        held_out=trained.held_out,
        left_out=tuple(largest.left_out),
        sources={test.name: source for source, test in zip(sources, tests, strict=True)},
        collections=asked_collections(settings.evaluate or space.benchmarks),
        languages_left_out=tuple(largest.languages_left_out),
        items_in_use=largest.items_in_use,
        ties=settings.ties,
        seen=trained.seen,
        first_items=trained.first_items,
        items_with_negatives=max(planner.negatives.items for planner in planners),
    )


class _Trained(NamedTuple):
    """What training files have become; see `StudyData`."""

    training: TrainingData
    dev: Benchmark
    overlap: Overlap
    held_out: int
    seen: Mapping[str, Seen]
    first_items: Mapping[str, PairItem]


def _trained_on(
    settings: StudySettings, space: Space, tests: Sequence[Benchmark], cache: Path | None, watch: Watch
) -> _Trained:
    """Reads, guards and splits the training sets; of their items nothing but the training data is kept."""
    asked = Asked.of(settings.train_layout, settings.train_language)
    read = read_training(settings.train or space.training, settings.data_dir, asked, cache, watch)
    sets = {name: one.items for name, one in read.items()}
    seen = {name: one.seen for name, one in read.items() if one.seen is not None}
    first_items = {name: one.items[0] for name, one in read.items()}
    images = {name: one.images for name, one in read.items() if one.images is not None}
    del read
    exempt = {
        (name, other) for name in sets if name in TRAINING_SOURCES for other in TRAINING_SOURCES[name].overlap_exempt
    }
    with_tests = find_overlap(sets, tests, exempt, watch)
    if not settings.keep_overlap:
        sets = drop_overlap(sets, with_tests)
    before = sum(map(len, sets.values()))
    sets, dev = _dev_set(sets, images, settings.data_dir)
    held_out = before - sum(map(len, sets.values()))
    with_dev = find_overlap(sets, [dev], exempt, watch)
    if not settings.keep_overlap:
        sets = drop_overlap(sets, with_dev)
    overlap = with_tests.and_with(with_dev)
    return _Trained(training_data(sets, tuple(images.values())), dev, overlap, held_out, seen, first_items)


def _seen(seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        return {}
    return {
        "layout": seen.layout,
        "origin": seen.origin,
        "columns": seen.columns,
        "spellings": seen.spellings,
        "notes": seen.notes,
    }


def _checked_planner(training: TrainingData, batches: BatchConfig) -> BatchPlanner:
    """A planner of such batches; raises UserError if it cannot fill a batch of both kinds."""
    planner = BatchPlanner.of(training, batches, seed=0, steps=0)
    planner.check("mono")
    planner.check("cross")
    return planner


def _dev_set(
    sets: dict[str, Items], images: Mapping[str, Images], data_dir: Path | None
) -> tuple[dict[str, Items], Benchmark]:
    """The own dev benchmark of the only set, else groups held out of the sets that have none (of all, if all have).

    Where some of these have images the dev set is held out of them alone: one benchmark asks either of images or not.
    """
    own = {name: source.dev for name in sets if (source := TRAINING_SOURCES.get(name)) and source.dev}
    if len(sets) == 1 and own:
        (benchmark_name,) = own.values()
        return sets, load_benchmark(benchmark_name, "dev", data_dir)
    giving = {name: items for name, items in sets.items() if name not in own} or sets
    of_images = {name: items for name, items in giving.items() if name in images}
    kept, dev = split_dev(of_images or giving, images=[images[name] for name in of_images])
    return {name: kept.get(name, items) for name, items in sets.items()}, dev


def query_texts(benchmarks: Sequence[Benchmark]) -> pd.DataFrame:
    """The text of every test query, as texts.parquet holds it."""
    return pd.DataFrame(
        [
            (b.name, b.parallel_ids[parallel], b.languages[language], text)
            for b in benchmarks
            for parallel, language, text in zip(b.query_parallel, b.query_language, b.query_texts, strict=True)
        ],
        columns=TEXT_COLUMNS,
    )


def _set_record(name: str, items: int, left_out: str | None, seen: Seen | None) -> SetRecord:
    source = TRAINING_SOURCES.get(name)
    return SetRecord(
        name=name,
        items=items,
        left_out=left_out,
        licence=source.licence if source else None,
        non_commercial=bool(source and source.non_commercial),
        **_seen(seen),
    )


def _benchmark_record(benchmark: Benchmark, ties: TieRule, source: BenchmarkSource | None = None) -> BenchmarkRecord:
    known = (
        {}
        if source is None
        else {
            "main_measure": next(iter(source.measures), None),
            "licence": source.licence,
            "non_commercial": source.non_commercial,
            "references": source.references,
        }
    )
    return BenchmarkRecord(
        name=benchmark.name,
        fingerprint=benchmark.fingerprint,
        metric_definition=METRIC_DEFINITION,
        ties=ties,
        queries=len(benchmark.query_language),
        candidates=len(benchmark.candidate_language),
        languages=benchmark.languages,
        parallel_ids=len(benchmark.parallel_ids),
        origin=benchmark.origin or None,
        unjudged_queries=benchmark.unjudged_queries,
        queries_with_nothing_relevant=len(benchmark.judged_only_irrelevant),
        remarks=tuple(map(inert, benchmark.remarks)),
        **known,
    )
